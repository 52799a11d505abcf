"""What the sink would not have."""

from dataclasses import dataclass
from typing import NamedTuple


class SetAsideRow(NamedTuple):
    """A row that the sink refuses even alone, with all that came for it."""

    publication_key: str
    publication: str
    """As the publication is shown."""
    text: str
    """The entity; "" for the publication's own row."""
    label: str
    mentions: int
    articles: int
    reason: str
    """What the sink said."""


@dataclass(frozen=True, slots=True)
class Voided:
    """What became of the rows of a voided part."""

    numbers: tuple[int, ...]
    """The parts that they were planned anew as."""
    set_aside: SetAsideRow | None
    """The row, if it was the only one."""
    rows_set_aside: int
    """How many are set aside now."""
