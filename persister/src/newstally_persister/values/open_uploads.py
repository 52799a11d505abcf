"""How many uploads of an owner are open: opened, or added to, within the last hour.

Counted in memory, of owners that have a limit; a new process counts from nothing.
"""

from collections import Counter, OrderedDict

OPEN_SECONDS = 3_600.0
"""An upload to which nothing was added for so long is not open any more."""


class OpenUploads:
    """The uploads of all owners that are open."""

    def __init__(self) -> None:
        # By owner and id, when something was added last; what that is longest ago for is in front.
        self._added_at: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._of_owner: Counter[str] = Counter()

    def open(self, owner: str, upload_id: str, limit: int, now: float) -> bool:
        """Open an upload, or keep it open; False, changing nothing, where too many others are.

        Time does not go back from one call to the next.
        """
        self._forget(now)
        upload = (owner, upload_id)
        if upload not in self._added_at:
            if self._of_owner[owner] >= limit:
                return False
            self._of_owner[owner] += 1
        self._added_at[upload] = now
        self._added_at.move_to_end(upload)
        return True

    def _forget(self, now: float) -> None:
        """Forget what is open no more, whose ever it was: its owner may never come back."""
        while self._added_at and next(iter(self._added_at.values())) <= now - OPEN_SECONDS:
            (owner, _), _ = self._added_at.popitem(last=False)
            self._of_owner[owner] -= 1
            if not self._of_owner[owner]:
                del self._of_owner[owner]
