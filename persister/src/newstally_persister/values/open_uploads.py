"""How many uploads of an owner are open: opened, or added to, within the last hour.

Counted in memory, of owners that have a limit; a new process counts from nothing.
"""

from collections import OrderedDict

OPEN_SECONDS = 3_600.0
"""An upload to which nothing was added for so long is not open any more."""


class OpenUploads:
    """The uploads of all owners that are open."""

    def __init__(self) -> None:
        self._owners: dict[str, OrderedDict[str, float]] = {}

    def open(self, owner: str, upload_id: str, limit: int, now: float) -> bool:
        """Open an upload, or keep it open; False, changing nothing, where too many others are."""
        uploads = self._owners.setdefault(owner, OrderedDict())
        while uploads and next(iter(uploads.values())) <= now - OPEN_SECONDS:
            uploads.popitem(last=False)
        if upload_id not in uploads and len(uploads) >= limit:
            return False
        uploads[upload_id] = now
        uploads.move_to_end(upload_id)
        return True
