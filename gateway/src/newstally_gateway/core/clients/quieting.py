"""How long the input of a refused client is dropped before it gets its status."""

DROPPED_LIMIT_BYTES = 16 * 1024 * 1024
"""No more is dropped of the input of one stream."""
WRITING_SECONDS = 5.0
"""How long a client may go on writing when there is nothing left to settle."""
QUIET_SECONDS = 0.5
"""A client that sends nothing for so long is not writing: it gets its status at once. Nor does one
get more when time is over."""


class Quieting:
    """When a client has been heard, and for how long it is heard out."""

    def __init__(self) -> None:
        self.heard_at = 0.0
        """When it last sent something, or was refused."""
        self._dropped_bytes = 0
        self._deadline = float("inf")

    @property
    def ends_at(self) -> float:
        """When it is quiet, or has written for long enough."""
        return min(self.heard_at + QUIET_SECONDS, self._deadline)

    def begin(self, deadline: float) -> None:
        """Hear it out until the deadline, or the one before if that is earlier."""
        self._deadline = min(self._deadline, deadline)

    def drop(self, size_bytes: int) -> bool:
        """Drop a message; return whether that is enough."""
        self._dropped_bytes += size_bytes
        return self._dropped_bytes >= DROPPED_LIMIT_BYTES
