"""What was read from the input and is not yet settled. Pure."""

from collections import deque
from dataclasses import dataclass

from newstally._gateway.encoding import Message
from newstally.errors import UploadWentBackwards
from newstally.settings import WindowLimits


@dataclass(frozen=True, slots=True)
class _Entry:
    request: Message
    size_bytes: int


class Window:
    """The unacknowledged articles of an upload, `first` to `end`, bounded by articles and bytes.

    A cursor marks what the current stream has sent; a new stream begins again at `first`.
    """

    def __init__(self, limits: WindowLimits, next_offset: int) -> None:
        self._limits = limits
        self._entries: deque[_Entry] = deque()
        self._sent = 0
        self.first = next_offset
        """The first offset that is not acknowledged."""
        self.size_bytes = 0
        """The messages kept."""

    @property
    def end(self) -> int:
        """The offset of the article to be added next."""
        return self.first + len(self._entries)

    @property
    def empty(self) -> bool:
        """Whether all that was added is acknowledged."""
        return not self._entries

    def fits(self, size_bytes: int) -> bool:
        """Whether an article with a message of that size can be added now."""
        return (
            len(self._entries) < self._limits.articles
            and self.size_bytes + size_bytes <= self._limits.size_bytes
        )

    def add(self, request: Message, size_bytes: int) -> None:
        """Keep the article at `end`. It must fit."""
        self._entries.append(_Entry(request, size_bytes))
        self.size_bytes += size_bytes

    def rewind(self) -> None:
        """Send again from `first`: there is a new stream."""
        self._sent = 0

    def next_unsent(self) -> Message | None:
        """Return the next message to send on this stream and move the cursor past it."""
        if self._sent == len(self._entries):
            return None
        self._sent += 1
        return self._entries[self._sent - 1].request

    def acknowledge(self, next_offset: int) -> bool:
        """Forget what is settled; return whether that was anything.

        `next_offset` may lie beyond `end`: someone else is ahead in the same upload, and the
        articles up to it need not be added. Raises UploadWentBackwards if it is below `first`.
        """
        if next_offset < self.first:
            raise UploadWentBackwards(
                f"{self.first} articles were acknowledged, but now only {next_offset} are settled:"
                " the persister's journal was replaced; look before sending again"
            )
        moved = next_offset > self.first
        while self._entries and self.first < next_offset:
            self.size_bytes -= self._entries.popleft().size_bytes
            self._sent = max(0, self._sent - 1)
            self.first += 1
        self.first = next_offset
        return moved
