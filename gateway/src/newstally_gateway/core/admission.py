"""Whether there is memory for an article.

Memory is charged once, when an article is read, in offset order. What was granted never waits for
memory again, so granted work always drains. Let `used[s]` be what stream s holds, L the largest
charge and T the total. A charge c for s fits if `sum(used) + c <= T` and either

- `used[s] + c <= L` (inside its guarantee), or
- `sum over all open v of max(used'[v], L) <= T`, with `used'` after granting (outside).

So every open stream always gets one article of the largest size as soon as granted work drains.
Requests outside the guarantee are served first come, first served; one inside its guarantee never
waits behind one outside.
"""

from collections.abc import Sequence

from newstally_gateway.core.tasks import StreamKey

BASE_CHARGE_BYTES = 16 * 1024
"""What an article is charged besides its content; all that a refused one is charged."""


def charge_bytes(content_bytes: int) -> int:
    """Return what an article is charged for its whole way through the gateway.

    Its content, plus twice the bound of its result (2 x content + 8 KiB), because a parsed message
    takes more than its bytes.
    """
    return 5 * content_bytes + BASE_CHARGE_BYTES


class Admission:
    """Shares `total_bytes` among all streams of the process."""

    def __init__(self, total_bytes: int, largest_bytes: int) -> None:
        """`largest_bytes`: the charge of the largest article; at most `total_bytes`."""
        raise NotImplementedError

    @property
    def used_bytes(self) -> int:
        """What all streams hold."""
        raise NotImplementedError

    @property
    def waiting(self) -> int:
        """How many streams wait for a grant."""
        raise NotImplementedError

    def open(self, stream: StreamKey) -> bool:
        """Take in a stream; False when `total_bytes // largest_bytes` are open already."""
        raise NotImplementedError

    def admit(self, stream: StreamKey, charge: int) -> bool:
        """Grant the charge now (True), or let the stream wait for it (False).

        A stream that waits hears of its grant from `release` or `close`, and asks for nothing else
        until then. ValueError for a charge over `largest_bytes`.
        """
        raise NotImplementedError

    def release(self, stream: StreamKey, charge: int) -> Sequence[StreamKey]:
        """Give back what `stream` held; return the streams whose waiting charge is granted now."""
        raise NotImplementedError

    def close(self, stream: StreamKey) -> Sequence[StreamKey]:
        """Forget a stream, what it holds and what it waits for; return as `release` does."""
        raise NotImplementedError
