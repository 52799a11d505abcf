"""Whether there is memory for an article, and who hears of it when there is again.

Memory is charged once, when an article is read, in offset order. What was granted never waits for
memory again, so granted work always drains. Let `used[s]` be what stream s holds, L the largest
charge and T the total. A charge c for s fits if `sum(used) + c <= T` and either

- `used[s] + c <= L` (inside its guarantee), or
- `sum over all open v of max(used'[v], L) <= T`, with `used'` after granting (outside).

So every open stream always gets one article of the largest size as soon as granted work drains.
(One that opens while others hold more than their guarantee gets its own as they drain; until then
nobody gets more.)
Requests outside the guarantee are served first come, first served; one inside its guarantee never
waits behind one outside.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Sequence

from newstally_gateway.core.tasks import StreamKey

BASE_CHARGE_BYTES = 16 * 1024
"""What an article is charged besides its content; all that a refused one is charged."""


def charge_bytes(content_bytes: int) -> int:
    """Return what an article is charged for its whole way through the gateway.

    Its content, plus twice the bound of its result (2 x content + 8 KiB): once for the result,
    which is kept serialised, and once for its part of the folded batch.
    """
    return 5 * content_bytes + BASE_CHARGE_BYTES


class Admission:
    """Shares `total_bytes` among all streams of the process."""

    def __init__(self, total_bytes: int, largest_bytes: int) -> None:
        """`largest_bytes`: the charge of the largest article; at most `total_bytes`."""
        if not 0 < largest_bytes <= total_bytes:
            raise ValueError(f"{largest_bytes=} must lie between 1 and {total_bytes=}")
        self._total = total_bytes
        self._largest = largest_bytes
        self._used: dict[StreamKey, int] = {}
        self._sum_used = 0
        # The sum over all open streams of what they hold, or their guarantee if that is more.
        self._sum_promised = 0
        # Charges that wait, in order of arrival; a stream is in at most one of the two.
        self._inside: OrderedDict[StreamKey, int] = OrderedDict()
        self._outside: OrderedDict[StreamKey, int] = OrderedDict()

    @property
    def used_bytes(self) -> int:
        """What all streams hold."""
        return self._sum_used

    @property
    def waiting(self) -> int:
        """How many streams wait for a grant."""
        return len(self._inside) + len(self._outside)

    def open(self, stream: StreamKey) -> bool:
        """Take in a stream; False when `total_bytes // largest_bytes` are open already."""
        if stream in self._used:
            raise ValueError(f"stream {stream} is open already")
        if len(self._used) >= self._total // self._largest:
            return False
        self._used[stream] = 0
        self._sum_promised += self._largest
        return True

    def admit(self, stream: StreamKey, charge: int) -> bool:
        """Grant the charge now (True), or let the stream wait for it (False).

        A stream that waits hears of its grant from `release` or `close`, and asks for nothing else
        until then. ValueError for a charge over `largest_bytes`.
        """
        if not 0 <= charge <= self._largest:
            raise ValueError(f"{charge=} is over the largest charge, {self._largest}")
        if stream in self._inside or stream in self._outside:
            raise ValueError(f"stream {stream} waits already")
        if self._is_inside(stream, charge):
            line = self._inside
            at_front = not self._inside
        else:
            line = self._outside
            at_front = not self.waiting
        if at_front and self._fits(stream, charge):
            self._change(stream, charge)
            return True
        line[stream] = charge
        return False

    def release(self, stream: StreamKey, charge: int) -> Sequence[StreamKey]:
        """Give back what `stream` held; return the streams whose waiting charge is granted now."""
        if not 0 <= charge <= self._used[stream]:
            raise ValueError(f"{stream} holds {self._used[stream]} bytes, not {charge}")
        self._change(stream, -charge)
        waiting = self._outside.get(stream)
        if waiting is not None and self._is_inside(stream, waiting):
            self._inside[stream] = self._outside.pop(stream)
        return self._serve()

    def close(self, stream: StreamKey) -> Sequence[StreamKey]:
        """Forget a stream, what it holds and what it waits for; return as `release` does."""
        self._inside.pop(stream, None)
        self._outside.pop(stream, None)
        self._change(stream, -self._used[stream])
        del self._used[stream]
        self._sum_promised -= self._largest
        return self._serve()

    def _serve(self) -> Sequence[StreamKey]:
        """Grant from the front of the lines; nobody outside while anyone inside waits."""
        granted: list[StreamKey] = []
        for line in (self._inside, self._outside):
            while line:
                stream, charge = next(iter(line.items()))
                if not self._fits(stream, charge):
                    return granted
                del line[stream]
                self._change(stream, charge)
                granted.append(stream)
        return granted

    def _is_inside(self, stream: StreamKey, charge: int) -> bool:
        return self._used[stream] + charge <= self._largest

    def _fits(self, stream: StreamKey, charge: int) -> bool:
        if self._sum_used + charge > self._total:
            return False
        if self._is_inside(stream, charge):
            return True
        used = self._used[stream]
        growth = used + charge - max(used, self._largest)
        return self._sum_promised + growth <= self._total

    def _change(self, stream: StreamKey, charge: int) -> None:
        used = self._used[stream]
        self._used[stream] = used + charge
        self._sum_used += charge
        self._sum_promised += max(used + charge, self._largest) - max(used, self._largest)


class Memory:
    """What all streams of the process share."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self._granted: dict[StreamKey, Callable[[], None]] = {}
        self._served: deque[StreamKey] = deque()
        self._serving = False

    @property
    def used_bytes(self) -> int:
        """What all streams hold."""
        return self.admission.used_bytes

    def open(self, stream: StreamKey, granted: Callable[[], None]) -> bool:
        """Take in a stream; False when as many are open as can be promised memory.

        `granted` is called whenever a charge that had to wait is granted. It must not raise.
        """
        if not self.admission.open(stream):
            return False
        self._granted[stream] = granted
        return True

    def close(self, stream: StreamKey) -> None:
        """Forget a stream, what it holds and what it waits for; nothing if it is not open."""
        if self._granted.pop(stream, None) is not None:
            self._serve(self.admission.close(stream))

    def release(self, stream: StreamKey, charge: int) -> None:
        """Give back what the stream held."""
        self._serve(self.admission.release(stream, charge))

    def _serve(self, granted: Sequence[StreamKey]) -> None:
        """Let streams know of their grants, one after the other: each may release more."""
        self._served.extend(granted)
        if self._serving:
            return
        self._serving = True
        try:
            while self._served:
                stream = self._served.popleft()
                if stream in self._granted:  # one before it may have ended it
                    self._granted[stream]()
        finally:
            self._serving = False


class Share:
    """One stream's part of the memory."""

    def __init__(self, memory: Memory, stream: StreamKey, granted: Callable[[], None]) -> None:
        """`granted`: see `Memory.open`."""
        self._memory = memory
        self._admission = memory.admission
        self._stream = stream
        self._granted = granted

    def open(self) -> bool:
        """Have it guaranteed; False when there is none for another stream."""
        return self._memory.open(self._stream, self._granted)

    def charge(self, charge: int) -> bool:
        """Take so many bytes; False: they are granted later, and nothing else until then.

        It needs no deadline: what was granted before drains without asking for more, and a stream
        that does not drain is ended.
        """
        return self._admission.admit(self._stream, charge)

    def release(self, charge: int) -> None:
        """Give so many bytes back."""
        self._memory.release(self._stream, charge)

    def close(self) -> None:
        """Give all back; nothing if it was not opened."""
        self._memory.close(self._stream)
