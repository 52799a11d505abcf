"""Which streams have the places there are, and who makes room for whom.

A stream keeps its place by useful bytes: what it sent, halved every ten seconds. Some places are
kept for newcomers: for connections that have less than their share. Who finds no place waits, and
connections take turns; meanwhile those make room that are of least use.

    waiting ──served──▶ placed ──asked to leave──▶ leaving ──closed──▶ (forgotten)
"""

from collections import Counter, OrderedDict
from collections.abc import Sequence, Set
from dataclasses import dataclass

from newstally_gateway.core.tasks import StreamKey

HALF_LIFE_SECONDS = 10.0
"""After so long what a stream sent counts half."""
LEAST_USE_BYTES = 4096.0
"""A stream of less use may be asked to leave: about 300 bytes a second are more."""
SETTLING_IN_SECONDS = 5.0
"""No stream is asked to leave before; see CROWDING."""
CROWDING = 0.2
"""So much of that time have streams of a connection that has more than its share of the places."""
TURN_SECONDS = 60.0
"""After so long any stream may be asked to leave for one that waits, and busy ones, too."""
KEPT_SHARE = 10
"""One place of so many is kept for newcomers; none if there are fewer."""


@dataclass(slots=True)
class _Place:
    peer: str
    since: float
    used: float = 0.0
    used_at: float = 0.0
    leaving: bool = False

    def use(self, now: float) -> float:
        return float(self.used * 0.5 ** ((now - self.used_at) / HALF_LIFE_SECONDS))


class Places:
    """Shares a number of places among streams; streams of one connection are of one peer."""

    def __init__(self, total: int, settling_in_seconds: float = SETTLING_IN_SECONDS) -> None:
        self._settling_in_seconds = settling_in_seconds
        self.total = total
        """How many places there are."""
        self._kept = total // KEPT_SHARE
        self._placed: dict[StreamKey, _Place] = {}
        self._held: Counter[str] = Counter()
        self._lines: OrderedDict[str, OrderedDict[StreamKey, None]] = OrderedDict()

    @property
    def waiting(self) -> int:
        """How many streams wait for one."""
        return sum(map(len, self._lines.values()))

    def open(self, stream: StreamKey, peer: str, now: float) -> StreamKey | None:
        """Take a stream in; see `has` whether it is placed at once, or waits.

        When as many wait as there are places, return the one that shall not: the newest of the peer
        that has most of them.
        """
        self._lines.setdefault(peer, OrderedDict())[stream] = None
        self._serve(now)
        if self.waiting <= self.total:
            return None
        refused = next(reversed(max(self._lines.values(), key=len)))
        self._unqueue(refused)
        return refused

    def has(self, stream: StreamKey) -> bool:
        """Whether the stream has a place."""
        return stream in self._placed

    def use(self, stream: StreamKey, size_bytes: int, now: float) -> None:
        """Note that a placed stream sent something."""
        place = self._placed[stream]
        place.used = place.use(now) + size_bytes
        place.used_at = now

    def close(self, stream: StreamKey, now: float) -> Sequence[StreamKey]:
        """Forget a stream, placed or waiting; return those that have a place now."""
        self._unqueue(stream)
        place = self._placed.pop(stream, None)
        if place is not None:
            self._held[place.peer] -= 1
            if not self._held[place.peer]:
                del self._held[place.peer]
        return self._serve(now)

    def pick(self, busy: Set[StreamKey], now: float) -> StreamKey | None:
        """Return a stream that shall leave now, if one shall: once for each place that is wanted.

        `busy`: those with work under way, which have time until their turn is over.
        """
        leaving = sum(place.leaving for place in self._placed.values())
        free = self.total - len(self._placed)
        if self.waiting + max(0, self._kept - free) <= leaving:
            return None
        candidates = [
            (place.use(now), place.since, stream)
            for stream, place in self._placed.items()
            if self._may_leave(stream, place, busy, now)
        ]
        if not candidates:
            return None
        _, _, stream = min(candidates, key=lambda found: found[:2])
        self._placed[stream].leaving = True
        return stream

    def _may_leave(
        self,
        stream: StreamKey,
        place: _Place,
        busy: Set[StreamKey],
        now: float,
    ) -> bool:
        age = now - place.since
        over_share = self._held[place.peer] * len(self._held) > self.total
        settling = self._settling_in_seconds * (CROWDING if over_share else 1.0)
        if place.leaving or age < settling:
            return False
        over = age >= TURN_SECONDS
        if place.use(now) < LEAST_USE_BYTES:
            return over or stream not in busy
        return over and self.waiting > 0

    def _serve(self, now: float) -> Sequence[StreamKey]:
        """Place whoever may be placed, peers in turns."""
        served: list[StreamKey] = []
        passed = 0
        while passed < len(self._lines):
            peer, line = next(iter(self._lines.items()))
            self._lines.move_to_end(peer)
            if not self._may_place(peer):
                passed += 1
                continue
            passed = 0
            stream, _ = line.popitem(last=False)
            if not line:
                del self._lines[peer]
            self._placed[stream] = _Place(peer, now, used_at=now)
            self._held[peer] += 1
            served.append(stream)
        return served

    def _may_place(self, peer: str) -> bool:
        free = self.total - len(self._placed)
        if free > self._kept:
            return True
        # One peer more than there are: the one for whom the kept places are kept.
        peers = len(self._held.keys() | {peer}) + 1
        return free > 0 and self._held[peer] * peers < self.total

    def _unqueue(self, stream: StreamKey) -> None:
        for peer, line in self._lines.items():
            if stream in line:
                del line[stream]
                if not line:
                    del self._lines[peer]
                return
