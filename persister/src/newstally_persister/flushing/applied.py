"""Up to when what was settled is in the sink. Pure: times are passed in."""


class Applied:
    """Follows the flushes of one process. Rows that are set aside are left out of account."""

    def __init__(self) -> None:
        self._cut_at: float | None = None
        self._applied: float | None = None

    def cut(self, now: float) -> None:
        """Note that the heap is about to be closed: all that was settled before is in the flush."""
        self._cut_at = now

    def complete(self) -> None:
        """Note that the flush is complete, or that there was nothing to flush.

        One that was open at the start was cut at a time that nobody knows any more.
        """
        self._applied = self._cut_at

    def upto(self, now: float, *, idle: bool) -> float | None:
        """Return the time; None while it is not known. `idle`: nothing waits to be applied."""
        return now if idle else self._applied
