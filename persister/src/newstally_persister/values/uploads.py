"""An upload as the journal knows it."""

from dataclasses import dataclass
from typing import NamedTuple

UPLOADS_PER_DAY = 100_000
"""Uploads that an owner may make in a day, where nothing else is set: each is kept for ever."""


class NewUpload(NamedTuple):
    """A wish for an upload."""

    upload_id: str
    owner: str
    fingerprint: bytes = b""
    """Of the input, at most 64 bytes; empty: not told."""
    per_day: int = UPLOADS_PER_DAY
    """How many the owner may make in a day (UTC)."""


def stored_id(owner: str, upload_id: str) -> str:
    """Return what an owner's upload is stored as where another owner's has its id.

    No id has a slash in it.
    """
    return f"{owner}/{upload_id}"


@dataclass(frozen=True, slots=True)
class Upload:
    """A numbered sequence of articles and how far it is. `counted + refused == next_offset`."""

    upload_id: str
    """What it is stored as: its id, or see `stored_id`."""
    owner: str
    next_offset: int
    """All offsets below are settled."""
    applied_offset: int
    """All offsets below are settled and their tallies are in the sink."""
    counted: int
    refused: int
    mentions: int
    models: tuple[str, ...]
    """Sorted, distinct."""
    create_micros: int
    """Microseconds since 1970, UTC."""
    update_micros: int
    """When next_offset last moved."""
    fingerprint: bytes = b""
    """Of the input that it was made for; empty where none was told, or where nobody asked."""

    @property
    def own_id(self) -> str:
        """What its owner calls it."""
        return self.upload_id.rpartition("/")[2]


class Recorded(NamedTuple):
    """The answer to a batch."""

    upload: Upload
    """As it stands after the batch, whether or not this batch was the one recorded."""
    recorded: bool
    """False when first_offset was not the upload's next_offset: nothing was changed."""
    fenced: bool = False
    """A batch with a higher token came before: another stream has taken the upload over."""
    over_limit: bool = False
    """It would bring new publications, and its owner has brought as many today as it may."""
