"""What the compare page puts beside each other. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

from starlette.datastructures import QueryParams

from newstally_dashboard.addresses.reading import AddressError

MOST = 5


class Kind(StrEnum):
    """What is compared."""

    ENTITY = "entity"
    PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class Item:
    """One of those that are compared."""

    kind: Kind
    value: str
    """As the address says it: a publication's name, or `LABEL:text`, a label's colon as %3A."""

    @property
    def label(self) -> str:
        """An entity's label; empty: the one that it has most mentions under."""
        return unquote(self.value.partition(":")[0]) if self.kind is Kind.ENTITY else ""

    @property
    def text(self) -> str:
        """An entity's text, or a publication's name."""
        return self.value.partition(":")[2] if self.kind is Kind.ENTITY else self.value


def items_of(params: QueryParams) -> list[Item]:
    """Return what is compared, each once. Raises AddressError."""
    found = [
        Item(kind, value.strip())
        for kind in Kind
        for value in dict.fromkeys(params.getlist(kind))
        if value.strip()
    ]
    if len({item.kind for item in found}) > 1:
        raise AddressError("compare either names or publications, not one with the other")
    if len(found) > MOST:
        raise AddressError(f"compare at most {MOST}: take some out")
    if any(not item.text for item in found):
        raise AddressError("entity: write LABEL:text, for example PERSON:angela merkel")
    return found


def entity_value(text: str, label: str) -> str:
    """Return how the address names an entity."""
    escaped = label.replace("%", "%25").replace(":", "%3A")
    return f"{escaped}:{text}"


def told_apart(names: Sequence[str], labels: Sequence[str]) -> list[str]:
    """Return the names; of those that are the same each has its label, too."""
    return [
        f"{name} ({label})" if label and names.count(name) > 1 else name
        for name, label in zip(names, labels, strict=True)
    ]


def kind_of(items: Sequence[Item], wanted: str) -> Kind:
    """Return what is compared; where nothing is chosen yet, what is wanted."""
    if items:
        return items[0].kind
    return Kind.PUBLICATION if wanted == Kind.PUBLICATION else Kind.ENTITY
