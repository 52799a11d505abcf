"""How long articles take from being sent to being settled. Pure: times are passed in."""

import math
from collections import Counter, deque

_GROWTH = math.log(1.05)
"""A bucket is 5 % wide: so exact are the times, and so little memory they take."""


class Settling:
    """Keeps when each article was first sent, until it is settled. Times are seconds."""

    def __init__(self) -> None:
        self._sent: deque[float] = deque()
        """When each article from `_first` on was first sent."""
        self._first = 0
        self._buckets: Counter[int] = Counter()
        self.settled = 0
        """Articles that were sent here and are settled."""

    def sent(self, offset: int, now: float) -> None:
        """Note that an article goes out; offsets ascend, a repetition means nothing."""
        if not self._sent:
            self._first = max(self._first, offset)
        if offset == self._first + len(self._sent):
            self._sent.append(now)

    def acknowledged(self, next_offset: int, now: float) -> None:
        """Note that all below `next_offset` are settled."""
        while self._sent and self._first < next_offset:
            seconds = max(now - self._sent.popleft(), 1e-6)
            self._buckets[math.ceil(math.log(seconds) / _GROWTH)] += 1
            self._first += 1
            self.settled += 1
        self._first = max(self._first, next_offset)

    def percentile(self, percent: float) -> float:
        """Return after how many seconds that part of the articles was settled; 0.0 for none."""
        rank = self.settled * percent / 100
        seen = 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= rank:
                return math.exp(bucket * _GROWTH)
        return 0.0
