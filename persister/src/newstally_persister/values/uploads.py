"""An upload as the journal knows it."""

from dataclasses import dataclass
from typing import NamedTuple


class NewUpload(NamedTuple):
    """A wish for an upload."""

    upload_id: str
    owner: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A numbered sequence of articles and how far it is. `counted + refused == next_offset`."""

    upload_id: str
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


class Recorded(NamedTuple):
    """The answer to a batch."""

    upload: Upload
    """As it stands after the batch, whether or not this batch was the one recorded."""
    recorded: bool
    """False when first_offset was not the upload's next_offset: nothing was changed."""
