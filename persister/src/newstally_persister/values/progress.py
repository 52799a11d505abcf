"""How far a journal's flushes are: what journal, flusher and sink tell each other."""

from dataclasses import dataclass

from newstally_persister.values.parts import part_id


@dataclass(frozen=True, slots=True)
class OpenFlush:
    """A flush that is not complete."""

    flush: int
    undone: tuple[int, ...]
    """Numbers of the parts that were planned and are not done, ascending."""
    planned: bool
    """Whether every row belongs to a part: there is nothing left to plan."""
    voiding: frozenset[int] = frozenset()
    """Those of the undone parts whose tombstone may be in the sink already."""


@dataclass(frozen=True, slots=True)
class Position:
    """How far the journal is, to be compared with its mark in the sink."""

    journal_id: str
    last_cut: int
    """Number of the last flush that was cut; 0 if none."""
    last_completed: int
    """Number of the last flush that is complete: `last_cut`, or one less while it is open."""
    first_part_undone: bool
    """Whether the sink may not have heard of flush `last_cut`."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Parts of one complete flush, whose receipts are not needed any more."""

    journal_id: str
    flush: int
    numbers: tuple[int, ...]

    @property
    def receipts(self) -> list[str]:
        """The receipts' names in the sink."""
        return [part_id(self.journal_id, self.flush, number) for number in self.numbers]


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a flusher begins, read at once."""

    position: Position
    open_flush: OpenFlush | None
    """The flush that a crash left open."""
    has_unapplied: bool
    """Whether something waits that no flush holds yet, or that the open one holds."""
    set_aside: int
    """Rows that are set aside."""
