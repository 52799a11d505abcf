"""Parts of a flush: what the sink applies atomically, each exactly once."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

DayCounts = tuple[int, int, int]
"""(day, mentions, articles): of the articles that were published on that day, see
newstally_protos.days. At least one article."""


class PublicationRow(NamedTuple):
    """What a part adds to one publication."""

    key: str
    name: str
    """The spelling first seen; the same in every part."""
    mentions: int
    articles: int
    days: tuple[DayCounts, ...] = ()
    """By day, ascending. What the totals have more is of articles without a day."""


class EntityRow(NamedTuple):
    """What a part adds to one entity of one publication."""

    publication_key: str
    text: str
    label: str
    mentions: int
    articles: int
    name: str | None = None
    """As readers write it, if that is known. Shown, and no part of the digest."""
    days: tuple[DayCounts, ...] = ()
    """By day, ascending. What the totals have more is of articles without a day."""


Row = PublicationRow | EntityRow


def text_bytes(row: Row) -> int:
    """Return the size of a row's texts in UTF-8."""
    if isinstance(row, PublicationRow):
        texts = row.key + row.name
    else:
        key, text, label, _, _, name, _ = row
        texts = f"{key}{text}{label}{name or ''}"
    return len(texts) if texts.isascii() else len(texts.encode())


@dataclass(frozen=True, slots=True)
class PartLimits:
    """How large a part may be: the sink's limits. One row always fits.

    They are for parts that are not planned yet: what was fixed under others stays as it is.
    """

    rows: int
    """Publications and entities together: one write of the sink each."""
    size_bytes: int
    """Of all rows in the part, as they are weighed."""
    weigh: Callable[[Row], int] = text_bytes
    """What a row takes in the sink, in bytes; runs in the journal's thread."""


@dataclass(frozen=True, slots=True)
class Part:
    """One atomic step of a flush. Id and content never change once they were planned."""

    journal_id: str
    flush: int
    """From 1, without gaps per journal."""
    number: int
    """From 1, within the flush. Part 1 also advances the journal's mark to `flush`."""
    digest: str
    publications: Sequence[PublicationRow]
    """By key."""
    entities: Sequence[EntityRow]
    """By publication key, text, label."""

    @property
    def rows(self) -> int:
        """Publications and entities together."""
        return len(self.publications) + len(self.entities)

    @property
    def id(self) -> str:
        """The receipt's name in the sink."""
        return part_id(self.journal_id, self.flush, self.number)


def part_id(journal_id: str, flush: int, number: int) -> str:
    """Return `{journal_id}-{flush}-{part}`."""
    return f"{journal_id}-{flush}-{number}"


def tombstone(digest: str) -> str:
    """Return the digest that the receipt of a voided part holds instead of the part's own."""
    return f"void {digest}"


def digest(publications: Sequence[PublicationRow], entities: Sequence[EntityRow]) -> str:
    """Return the SHA-256 of a canonical encoding of the rows, in hexadecimal.

    Numbers and lengths stand before the texts, so no two contents encode alike. The encoding is
    part of the journal's format: it must not change between releases. The days are no part of it:
    the release before knows none, and has to find the same digest.
    """
    encoded = [f"newstally part {len(publications)} {len(entities)}\n"]
    encoded += [
        f"{len(key)} {len(name)} {mentions} {articles}\n{key}{name}"
        for key, name, mentions, articles, _ in publications
    ]
    encoded += [
        f"{len(key)} {len(text)} {len(label)} {mentions} {articles}\n{key}{text}{label}"
        for key, text, label, mentions, articles, _, _ in entities
    ]
    return hashlib.sha256("".join(encoded).encode()).hexdigest()


def days_digest(publications: Sequence[PublicationRow], entities: Sequence[EntityRow]) -> str:
    """Return the SHA-256 of the days of all rows, in their order; "" where no row has any.

    The encoding is part of the journal's format.
    """
    days = [row.days for rows in (publications, entities) for row in rows]
    return hashlib.sha256(repr(days).encode()).hexdigest() if any(days) else ""
