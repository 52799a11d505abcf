"""The rows of tallies in the embedded sink, in the two forms that a file may have."""

from collections.abc import Callable, Iterable
from typing import Protocol

from newstally_persister.sinks.base import (
    EntityPosition,
    EntityTally,
    Item,
    Page,
    PageLimits,
    PublicationPosition,
    PublicationTally,
)
from newstally_persister.values.parts import Part

ABOVE_ALL = 2**63 - 1
"""More mentions than anything has: where the first page begins."""
ADD = "mentions = mentions + excluded.mentions, articles = articles + excluded.articles"
"""What an upsert of a tally does to one that is there."""


class Rows(Protocol):
    """Adds and lists tallies. Each call runs in its caller's transaction, or in none."""

    def add(self, part: Part) -> None:
        """Add a part's rows."""
        ...

    def forget(self) -> None:
        """Forget what is known of the file: the transaction failed that something was added in."""
        ...

    def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """Return publications by mentions, descending, then key."""
        ...

    def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """Return a publication's entities by mentions, descending, then text, then label.

        With a label, only those. Raises PublicationUnknownError.
        """
        ...


def publications_page(
    found: Iterable[tuple[str, str, int, int]], limits: PageLimits
) -> Page[PublicationTally]:
    """Return a page of (key, name, mentions, articles); `found` has one more where there is one."""
    return page(
        (PublicationTally(*row) for row in found), lambda tally: tally.key + tally.name, limits
    )


def entities_page(
    found: Iterable[tuple[str, str, int, int, str]], limits: PageLimits
) -> Page[EntityTally]:
    """Return a page of (text, label, mentions, articles, name), likewise."""
    return page(
        (EntityTally(*row) for row in found),
        lambda tally: tally.text + tally.label + tally.name,
        limits,
    )


def page(found: Iterable[Item], text: Callable[[Item], str], limits: PageLimits) -> Page[Item]:
    """Return the first items within limits; `found` has one more where there is one."""
    items: list[Item] = []
    size = 0
    for item in found:
        size += len(text(item).encode())
        if items and (len(items) == limits.items or size > limits.size_bytes):
            return Page(items, more=True)
        items.append(item)
    return Page(items, more=False)
