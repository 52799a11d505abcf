"""What every sink promises, and its errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, Protocol, TypeVar

from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import Expiry

PublicationPosition = tuple[int, str]
"""(mentions, key) of the last publication of a page."""
EntityPosition = tuple[int, str, str]
"""(mentions, text, label) of the last entity of a page."""


class SinkError(Exception):
    """The sink did not do it now; transient, tried again."""


class PermanentSinkError(SinkError):
    """The sink will not do it before somebody mends something; shown, and tried again."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class PartRefusedError(SinkError):
    """The sink will not have the part as it is; this attempt at it was provably not applied."""


class JournalMismatchError(SinkError):
    """Journal and sink contradict each other: going on would count twice. Ends the process."""


class SinkBusyError(SinkError):
    """As many calls wait as may wait: come again."""


def part_elsewhere(part: Part, how: str) -> JournalMismatchError:
    """Return the error for a part that the sink does not know as this journal does."""
    return JournalMismatchError(
        f"part {part.id} does not fit the sink, {how}: another persister works on a copy of this "
        "journal, or the sink was restored from a backup. Going on would count articles wrongly. "
        "Let one persister alone use the sink, with the data directory that was in use last"
    )


def journal_unknown(journal_id: str) -> JournalMismatchError:
    """Return the error for a mark that is gone."""
    return JournalMismatchError(
        f"the sink does not know journal {journal_id} any more: it was emptied, or is another one. "
        "Point the persister at the sink it used before; or, to begin anew, give it an empty "
        "--data-dir"
    )


class PublicationUnknownError(SinkError):
    """Nothing of the publication is in the sink."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far the sink has seen a journal's flushes; 0 and 0 for a journal it does not know."""

    started: int
    """The last flush whose part 1 was applied."""
    completed: int
    """The last flush whose receipts were told to expire; may lag behind the journal."""


class PublicationTally(NamedTuple):
    """What one publication adds up to."""

    key: str
    name: str
    mentions: int
    articles: int


class EntityTally(NamedTuple):
    """How often one entity is mentioned."""

    text: str
    label: str
    mentions: int
    articles: int
    name: str = ""
    """As readers write it; empty where it is not known."""


@dataclass(frozen=True, slots=True)
class PageLimits:
    """How much one page may hold. One item always fits."""

    items: int
    size_bytes: int
    """Of all texts, in UTF-8."""


Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list."""

    items: Sequence[Item]
    more: bool
    """Whether something follows the last item."""


class Sink(Protocol):
    """Where tallies live. Used from one event loop; several calls may run at once."""

    @property
    def part_limits(self) -> PartLimits:
        """How large a part it takes."""
        ...

    @property
    def parts_in_flight(self) -> int:
        """How many parts of a flush, after its first, it takes at a time."""
        ...

    async def apply(self, part: Part) -> None:
        """Add the part's rows and leave its receipt, atomically; nothing if the receipt is there.

        Part 1 moves the mark's `started` from `flush - 1` to `flush` in the same step. Raises
        JournalMismatchError when the receipt holds another digest, or the mark is elsewhere;
        PartRefusedError when the sink will not have these rows; PermanentSinkError when somebody
        must mend something; any other error is transient, and then the part may have been applied
        or not.
        """
        ...

    async def void(self, part: Part) -> bool:
        """Leave a tombstone as the part's receipt, so that it can never be applied from then on.

        Returns False, and leaves none, when the part was applied before. Part 1 moves the mark as
        `apply` does. Idempotent. Raises what `apply` raises, but for PartRefusedError.
        """
        ...

    async def expire(self, expiry: Expiry) -> None:
        """Let receipts of a complete flush go, some days from now; `completed` reaches the flush.

        The mark moves before, or in the same step as, the first receipt. Idempotent.
        """
        ...

    async def mark(self, journal_id: str) -> Mark:
        """Return how far the sink has seen a journal."""
        ...

    async def list_publications(
        self, limits: PageLimits, after: PublicationPosition | None
    ) -> Page[PublicationTally]:
        """Return publications by mentions, descending, then key."""
        ...

    async def list_entity_tallies(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """Return a publication's entities by mentions, descending, then text, then label.

        With a label, only those. Raises PublicationUnknownError.
        """
        ...

    async def keep(self) -> None:
        """Do what lets questions be answered soon, beside the rest; runs until it is cancelled.

        Nothing depends on it but time. Returns where there is nothing to do.
        """
        ...

    async def close(self) -> None:
        """Wait for what is under way and free everything."""
        ...
