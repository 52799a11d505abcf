"""Whose article is next: streams take turns by bytes (deficit round robin).

A stream whose turn begins may spend QUANTUM_BYTES more than before; what an article costs more than
that is saved up over several turns. So a stream of long articles gets as many bytes as one of short
ones, and no more. What turns out to cost more than its length is charged afterwards. Every step is
O(1), or O(log n) for what came back from a link; a long article costs one step per quantum.
"""

from collections import OrderedDict, deque
from heapq import heappop, heappush

from newstally_gateway.core.tasks import StreamKey, Task

QUANTUM_BYTES = 16 * 1024
"""What a turn is worth: about three articles of the usual length."""
ARTICLE_TOLL_BYTES = 256
"""What an article costs besides its content, so that tiny ones do not count as nothing."""


class FairQueue:
    """The queued tasks of all streams."""

    def __init__(self) -> None:
        self._streams: dict[StreamKey, _Line] = {}
        self._ring: OrderedDict[StreamKey, _Line] = OrderedDict()
        self._stalled: OrderedDict[StreamKey, _Line] = OrderedDict()
        self._debts: dict[StreamKey, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, task: Task) -> None:
        """Queue a new task behind all of its stream."""
        self._line(task.stream).fresh.append(task)
        self._count += 1

    def give_back(self, task: Task, *, refund: bool = False) -> None:
        """Queue a task that was taken, before all later ones of its stream.

        `refund`: it was never sent, so its cost is given back too.
        """
        line = self._line(task.stream)
        heappush(line.returned, (task.offset, task))
        self._count += 1
        if refund:
            line.deficit += _cost(task)
        if task.stream in self._stalled:
            # Its head may be another one now, which need not wait.
            self._ring[task.stream] = self._stalled.pop(task.stream)

    def charge(self, stream: StreamKey, size_bytes: int) -> None:
        """Let a stream pay more, or less, than it did for what was taken."""
        line = self._streams.get(stream)
        if line is not None:
            line.deficit = min(line.deficit - size_bytes, QUANTUM_BYTES)
        else:
            # It has nothing queued now, and shall not get away with that.
            debt = self._debts.pop(stream, 0) + size_bytes
            if debt > 0:
                self._debts[stream] = debt

    def head(self) -> Task | None:
        """Return the task whose turn it is, the same one until it is taken or its stream stalls."""
        ring = self._ring
        while ring:
            line = next(iter(ring.values()))
            task = line.head()
            if not line.in_turn:
                line.in_turn = True
                line.deficit += QUANTUM_BYTES
            if _cost(task) <= line.deficit:
                return task
            line.in_turn = False
            ring.move_to_end(task.stream)
        return None

    def take(self) -> Task:
        """Take the task that `head` returned; its stream pays for it."""
        line = next(iter(self._ring.values()))
        task = line.take()
        self._count -= 1
        line.deficit -= _cost(task)
        if line.is_empty():
            del self._ring[task.stream], self._streams[task.stream]
        return task

    def stall(self) -> None:
        """Let the stream of the task that `head` returned wait aside, until `resume`."""
        stream, line = self._ring.popitem(last=False)
        self._stalled[stream] = line

    def stalled_head(self) -> Task | None:
        """Return the head of the stream that has stalled longest."""
        return next(iter(self._stalled.values())).head() if self._stalled else None

    def resume(self) -> None:
        """Let the stream that has stalled longest go on with its turn, now."""
        stream, line = self._stalled.popitem(last=False)
        self._ring[stream] = line
        self._ring.move_to_end(stream, last=False)

    def discard(self, stream: StreamKey, below: int | None) -> None:
        """Forget the stream's tasks: all, or those with an offset under `below`."""
        if below is None:
            self._debts.pop(stream, None)
        line = self._streams.get(stream)
        if line is None:
            return
        while not line.is_empty() and (below is None or line.head().offset < below):
            line.take()
            self._count -= 1
        if line.is_empty():
            del self._streams[stream]
            self._ring.pop(stream, None)
            self._stalled.pop(stream, None)

    def _line(self, stream: StreamKey) -> "_Line":
        line = self._streams.get(stream)
        if line is None:
            line = self._streams[stream] = self._ring[stream] = _Line()
            line.deficit = -self._debts.pop(stream, 0)
        return line


class _Line:
    """One stream's queued tasks, by offset; never empty while it is in the queue."""

    __slots__ = ("deficit", "fresh", "in_turn", "returned")

    def __init__(self) -> None:
        # What came back was taken before anything that is still fresh, so its offsets are lower.
        self.returned: list[tuple[int, Task]] = []
        self.fresh: deque[Task] = deque()
        self.deficit = 0
        self.in_turn = False

    def is_empty(self) -> bool:
        return not self.fresh and not self.returned

    def head(self) -> Task:
        return self.returned[0][1] if self.returned else self.fresh[0]

    def take(self) -> Task:
        return heappop(self.returned)[1] if self.returned else self.fresh.popleft()


def _cost(task: Task) -> int:
    return task.size_bytes + ARTICLE_TOLL_BYTES
