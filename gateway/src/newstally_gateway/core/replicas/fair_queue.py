"""Whose article is next: owners take turns by bytes, and so do the streams of each owner.

Both by deficit round robin. A stream whose turn begins may spend QUANTUM_BYTES more than before;
what an article costs more than that is saved up over several turns. So a stream of long articles
gets as many bytes as one of short ones, and no more. What turns out to cost more than its length is
charged afterwards. An owner's turn is worth its weight in quanta, however many streams it has.
Every step is O(1), or O(log n) for what came back from a link; a long article costs one step per
quantum.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable
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
        self._owners: dict[Hashable, _Owner] = {}
        self._enrolled: dict[StreamKey, _Owner] = {}
        self._ring: OrderedDict[Hashable, _Owner] = OrderedDict()
        self._stalled: OrderedDict[StreamKey, _Line] = OrderedDict()
        self._debts: dict[StreamKey, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def enrol(self, stream: StreamKey, owner: Hashable, weight: int) -> None:
        """Say whose a stream is, before it has tasks; all others are of one owner.

        The owner's weight is what was said last. `discard` of the whole stream ends it.
        """
        known = self._owner(owner)
        known.weight = weight
        known.streams += 1
        self._enrolled[stream] = known

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
            line.owner.pay(-_cost(task), alone=self._is_alone(line.owner))
        if task.stream in self._stalled:
            # Its head may be another one now, which need not wait.
            self._join(self._stalled.pop(task.stream), task.stream)

    def charge(self, stream: StreamKey, size_bytes: int) -> None:
        """Let a stream, and its owner, pay more, or less, than they did for what was taken."""
        line = self._streams.get(stream)
        owner = self._enrolled.get(stream) if line is None else line.owner
        if owner is not None:
            owner.pay(size_bytes, alone=self._is_alone(owner))
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
            owner = next(iter(ring.values()))
            task = owner.head()
            if len(ring) == 1:
                return task
            if not owner.in_turn:
                owner.in_turn = True
                owner.deficit += QUANTUM_BYTES * owner.weight
            if _cost(task) <= owner.deficit:
                return task
            owner.in_turn = False
            ring.move_to_end(owner.key)
        return None

    def take(self) -> Task:
        """Take the task that `head` returned; its stream and its owner pay for it."""
        owner = next(iter(self._ring.values()))
        line = next(iter(owner.ring.values()))
        task = line.take()
        self._count -= 1
        line.deficit -= _cost(task)
        owner.pay(_cost(task), alone=len(self._ring) == 1)
        if line.is_empty():
            self._leave(line, task.stream)
            del self._streams[task.stream]
        return task

    def stall(self) -> None:
        """Let the stream of the task that `head` returned wait aside, until `resume`."""
        owner = next(iter(self._ring.values()))
        stream, line = next(iter(owner.ring.items()))
        self._leave(line, stream)
        self._stalled[stream] = line

    def stalled_head(self) -> Task | None:
        """Return the head of the stream that has stalled longest."""
        return next(iter(self._stalled.values())).head() if self._stalled else None

    def resume(self) -> None:
        """Let the stream that has stalled longest go on with its turn, now."""
        stream, line = self._stalled.popitem(last=False)
        self._join(line, stream)
        line.owner.ring.move_to_end(stream, last=False)
        line.owner.in_turn = True
        line.owner.deficit = max(line.owner.deficit, _cost(line.head()))
        self._ring.move_to_end(line.owner.key, last=False)

    def discard(self, stream: StreamKey, below: int | None) -> None:
        """Forget the stream's tasks: all, and whose it is; or those with an offset `below`."""
        line = self._streams.get(stream)
        while line is not None and not line.is_empty():
            if below is not None and line.head().offset >= below:
                break
            line.take()
            self._count -= 1
        if line is not None and line.is_empty():
            del self._streams[stream]
            if self._stalled.pop(stream, None) is None:
                self._leave(line, stream)
        if below is None:
            self._debts.pop(stream, None)
            owner = self._enrolled.pop(stream, None)
            if owner is not None:
                owner.streams -= 1
                if not owner.streams:
                    self._owners.pop(owner.key, None)

    def _owner(self, key: Hashable) -> "_Owner":
        owner = self._owners.get(key)
        if owner is None:
            owner = self._owners[key] = _Owner(key)
        return owner

    def _line(self, stream: StreamKey) -> "_Line":
        line = self._streams.get(stream)
        if line is None:
            owner = self._enrolled.get(stream) or self._owner(None)
            line = self._streams[stream] = _Line(owner)
            line.deficit = -self._debts.pop(stream, 0)
            self._join(line, stream)
        return line

    def _join(self, line: "_Line", stream: StreamKey) -> None:
        """Let a stream take turns with the others of its owner, and so the owner."""
        line.owner.ring[stream] = line
        self._ring.setdefault(line.owner.key, line.owner)

    def _leave(self, line: "_Line", stream: StreamKey) -> None:
        owner = line.owner
        owner.ring.pop(stream, None)
        if not owner.ring and self._ring.pop(owner.key, None) is not None:
            owner.in_turn = False
            owner.deficit = min(owner.deficit, 0)  # nothing is saved up while there is nothing

    def _is_alone(self, owner: "_Owner") -> bool:
        return len(self._ring) <= (owner.key in self._ring)


class _Owner:
    """The streams of one owner that have tasks and do not stall."""

    __slots__ = ("deficit", "in_turn", "key", "ring", "streams", "weight")

    def __init__(self, key: Hashable) -> None:
        self.key = key
        self.weight = 1
        self.ring: OrderedDict[StreamKey, _Line] = OrderedDict()
        self.deficit = 0
        self.in_turn = False
        self.streams = 0

    def head(self) -> Task:
        """Return the task of the stream whose turn it is."""
        ring = self.ring
        while True:
            line = next(iter(ring.values()))
            task = line.head()
            if not line.in_turn:
                line.in_turn = True
                line.deficit += QUANTUM_BYTES
            if _cost(task) <= line.deficit:
                return task
            line.in_turn = False
            ring.move_to_end(task.stream)

    def pay(self, size_bytes: int, *, alone: bool) -> None:
        """Pay; whoever is alone takes nothing from anybody, and owes nothing."""
        self.deficit = 0 if alone else min(self.deficit - size_bytes, QUANTUM_BYTES * self.weight)


class _Line:
    """One stream's queued tasks, by offset; never empty while it is in the queue."""

    __slots__ = ("deficit", "fresh", "in_turn", "owner", "returned")

    def __init__(self, owner: _Owner) -> None:
        self.owner = owner
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
