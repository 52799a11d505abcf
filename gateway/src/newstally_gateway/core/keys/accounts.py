"""How much a key has taken of what this gateway may let it take.

The limits of a key hold for all gateways together. The persister, which is the only one there is,
lends each gateway a share of them, for some seconds; all shares together are never more than the
limit. A share that was not renewed in time is nothing.

Of a rate, what is not taken is saved up for BURST_SECONDS at most. So in any W seconds all gateways
together let in no more than limit x (W + BURST_SECONDS), and one article each. What is known only
afterwards (the processor time of extractors) is taken afterwards, and holds up what comes next.
"""

from dataclasses import dataclass

from newstally_protos.keys import Limits

BURST_SECONDS = 1.0
"""What is saved up of a rate that is not used."""
FILL_SECONDS = 0.05
"""How often what came in is added up while there is enough."""
LONGEST_WAIT_SECONDS = 0.25
"""How long to wait at most before looking again: shares change."""
RATES = ("articles_per_second", "bytes_per_second", "extractor_seconds_per_second")
"""What keys files call the limits that are rates."""
HEADROOM = 1.25
"""A gateway asks for more than it used, so that it need not ask for each article."""


class Bucket:
    """One rate: what may be taken, and what was."""

    def __init__(self, now: float) -> None:
        self.share = 0.0
        """Units per second."""
        self._until = now
        self._level = 0.0
        self._at = now
        self._used = 0.0
        self._used_since = now
        self._was_short = False

    def lend(self, share: float, until: float, now: float) -> None:
        """Set the share, good until then."""
        self._fill(now)
        self.share, self._until = share, until
        self._level = min(self._level, share * BURST_SECONDS)

    def held(self, now: float) -> float:
        """Return the share if it is good."""
        return self.share if now < self._until else 0.0

    def take(self, units: float) -> None:
        """Note that so much was taken; it may be more than there was."""
        self._level -= units
        self._used += units

    def wait_seconds(self, now: float) -> float:
        """Return how long to wait until something may be taken, or before looking again; 0: now."""
        # What came in is not added up for each article.
        if self._level < 0 or now - self._at > FILL_SECONDS:
            self._fill(now)
        if self._level >= 0 and self.share > 0 and now < self._until:
            return 0.0
        self._was_short = True
        missing = -self._level / self.share if self.share > 0 else LONGEST_WAIT_SECONDS
        return min(max(missing, 0.001), LONGEST_WAIT_SECONDS)

    def demand(self, limit: float, now: float) -> float:
        """Return what it could use, per second, judged by the time since it was last asked."""
        seconds = max(now - self._used_since, 0.001)
        wanted = limit if self._was_short else min(limit, HEADROOM * self._used / seconds)
        self._used, self._used_since, self._was_short = 0.0, now, False
        return wanted

    def _fill(self, now: float) -> None:
        good = min(now, self._until) - self._at
        if good > 0:
            self._level = min(self._level + self.share * good, self.share * BURST_SECONDS)
        self._at = max(self._at, now)


@dataclass(frozen=True, slots=True)
class Amounts:
    """Of each of the limits that gateways share, something; None: that is not bounded."""

    articles: float | None = None
    """Per second."""
    bytes: float | None = None
    """Per second."""
    extractor_seconds: float | None = None
    """Per second."""
    streams: float | None = None
    """At once."""


def shared_limits(limits: Limits) -> Amounts:
    """Return the limits that gateways share."""
    return Amounts(
        limits.articles_per_second,
        limits.bytes_per_second,
        limits.extractor_seconds_per_second,
        limits.streams,
    )


class Account:
    """One key at this gateway; keys that were rotated are one."""

    def __init__(self, limits: Amounts, now: float) -> None:
        self.limits = limits
        self.streams = 0
        """Open, or waiting to be."""
        self.slots = 0
        """So many may be open."""
        self.idle_since = now
        """When its last stream ended."""
        self._slots_until = now
        self._articles = Bucket(now)
        self._bytes = Bucket(now)
        self._extractor = Bucket(now)

    @property
    def has_rates(self) -> bool:
        """Whether what is read has to be counted."""
        limits = self.limits
        return (limits.articles, limits.bytes, limits.extractor_seconds) != (None, None, None)

    def lend(self, share: Amounts, until: float, now: float) -> None:
        """Set the shares, good until then."""
        self._articles.lend(share.articles or 0.0, until, now)
        self._bytes.lend(share.bytes or 0.0, until, now)
        self._extractor.lend(share.extractor_seconds or 0.0, until, now)
        self.slots, self._slots_until = int(share.streams or 0), until

    def ask(self, now: float) -> tuple[Amounts, Amounts]:
        """Return what it could use, and what it holds."""
        limits = self.limits
        articles, size, seconds = (
            None if limit is None else bucket.demand(limit, now) for limit, bucket in self._rates()
        )
        most = limits.streams
        streams = None if most is None else min(float(self.streams), most)
        return (
            Amounts(articles, size, seconds, streams),
            Amounts(
                self._articles.held(now),
                self._bytes.held(now),
                self._extractor.held(now),
                float(min(self.streams, self.slots)),
            ),
        )

    def has_slot(self, now: float) -> bool:
        """Whether all its streams may be open."""
        if self.limits.streams is None:
            return True
        return self.streams <= self.slots and now < self._slots_until

    def wait_seconds(self, now: float) -> float:
        """Return how long the next article waits before it is looked again; 0: it is let in."""
        longest, limits = 0.0, self.limits
        if limits.articles is not None:
            longest = self._articles.wait_seconds(now)
        if limits.bytes is not None:
            longest = max(longest, self._bytes.wait_seconds(now))
        if limits.extractor_seconds is not None:
            longest = max(longest, self._extractor.wait_seconds(now))
        return longest

    def short_of(self, now: float) -> str:
        """Return the limit that holds the next article up for longest, as keys files name it."""
        waits = {
            name: bucket.wait_seconds(now)
            for name, (limit, bucket) in zip(RATES, self._rates(), strict=True)
            if limit is not None
        }
        return max(waits, key=lambda name: waits[name], default="")

    def let_in(self, size_bytes: int) -> None:
        """Take what an article takes."""
        self._articles.take(1)
        self._bytes.take(size_bytes)

    def spend(self, micros: int) -> None:
        """Take what an article took of an extractor."""
        self._extractor.take(micros / 1e6)

    def _rates(self) -> tuple[tuple[float | None, Bucket], ...]:
        limits = self.limits
        return (
            (limits.articles, self._articles),
            (limits.bytes, self._bytes),
            (limits.extractor_seconds, self._extractor),
        )
