"""Which offset a message has, and whether its article is new."""

from dataclasses import dataclass


class NumberingError(Exception):
    """The stream cannot go on from here: the offset makes no sense."""


class GapError(NumberingError):
    """The offset leaves articles out (OUT_OF_RANGE)."""

    def __init__(self, offset: int, frontier: int) -> None:
        super().__init__(f"offset {offset} leaves a gap: the next one is {frontier}")
        self.offset = offset
        self.frontier = frontier


class NegativeError(NumberingError):
    """The offset is below zero (INVALID_ARGUMENT)."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"offset {offset} is negative")
        self.offset = offset


class MissingError(NumberingError):
    """The first message of a named upload carries no offset (INVALID_ARGUMENT)."""

    def __init__(self) -> None:
        super().__init__("the first message with an upload_id must carry an offset")


@dataclass(frozen=True, slots=True)
class Numbered:
    """Where a message stands."""

    offset: int
    """Its 0-based position in the upload."""
    fresh: bool
    """False: settled, or read before on this stream; to be passed over."""


class Numbering:
    """Gives the messages of one client stream their offsets.

    The frontier is the first offset that is new: all below it are settled or were read on this
    stream. A message at the frontier is fresh and moves it on by one.
    """

    def __init__(self, next_offset: int, *, named: bool) -> None:
        """Begin at the upload's `next_offset`.

        `named`: the client gave the upload_id, so its first message must carry an offset.
        """
        self._frontier = next_offset
        self._following: int | None = None if named else next_offset

    def number(self, offset: int | None) -> Numbered:
        """Place the next message; without an `offset` it follows the previous one.

        Raises NegativeError, GapError or MissingError; the stream takes nothing after that.
        """
        if offset is None:
            offset = self._following
            if offset is None:
                raise MissingError
        if offset < 0:
            raise NegativeError(offset)
        if offset > self._frontier:
            raise GapError(offset, self._frontier)
        self._following = offset + 1
        fresh = offset == self._frontier
        if fresh:
            self._frontier += 1
        return Numbered(offset, fresh)

    def settled(self, next_offset: int) -> None:
        """Note that all below `next_offset` are settled; another gateway may have been ahead."""
        self._frontier = max(self._frontier, next_offset)
