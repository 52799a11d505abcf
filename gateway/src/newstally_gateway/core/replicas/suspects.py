"""What is suspected of killing replicas, when it is tried alone, and what its deaths prove.

Suspect is what ran when its link broke, unless the end was clean. Suspects go before new work, one
at most on a link, each in a model batch of its own; other work may wait beside it. An answer clears
it. If the link breaks when the suspect was all that ran, that is a death alone. Any other end
proves nothing: it is tried again.

A death alone proves something only if the replicas around it live: where replicas die often, an
innocent article that takes long dies, too. So it counts if

- another link, without a suspect, was up during the whole trial, and
- no link without a suspect broke `calm` before or after, but for one that the article itself broke.

It is given up after deaths that count on two instances. Where there is only one replica, nothing
lives on beside it; there four deaths suffice if other work was answered between them. After eight
deaths in all it is given up whatever happens around it, so that nothing waits for ever. Trials lie
apart, further each time, so that all eight take `trial_seconds`.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import islice

from newstally_gateway.core.replicas.accounts import Entry, LinkAccount
from newstally_gateway.core.tasks import StreamKey

INSTANCES = 2
"""Deaths that count on so many replica instances are enough."""
DEATHS_OF_THE_ONLY_REPLICA = 4
"""So many are enough where there is one replica, each after work that succeeded."""
DEATHS = 8
"""So many are enough anywhere."""
PAUSES = (1, 2, 4, 8, 15, 15, 15)
"""How far apart trials are, in parts of all the time that they may take."""


class Trials:
    """What the deaths of suspects prove."""

    def __init__(self, trial_seconds: float) -> None:
        """`trial_seconds`: how long all trials of a suspect may take together."""
        self.seconds = trial_seconds
        self._unit = trial_seconds / sum(PAUSES)
        self._calm = 2 * self._unit
        # Links without a suspect that broke lately: when, and what ran there.
        self._breaks: deque[tuple[float, frozenset[tuple[StreamKey, int]]]] = deque(maxlen=1_000)
        self._answers = 0
        self._tried: dict[tuple[StreamKey, int], Entry] = {}

    def answered(self) -> None:
        """Note that some work succeeded."""
        self._answers += 1

    def broke(self, running: Iterable[Entry], now: float) -> None:
        """Note that a link without a suspect broke while its replica worked on these."""
        keys = frozenset(entry.key for entry in running)
        self._breaks.append((now, keys))
        for key, entry in self._tried.items():
            if key not in keys:
                entry.counted = [each for each in entry.counted if now - each[1] > self._calm]

    def died_alone(
        self, entry: Entry, account: LinkAccount, others: Iterable[LinkAccount], now: float
    ) -> None:
        """Note that a link broke while its replica worked on the suspect, and on nothing else.

        `others`: the links that are up.
        """
        began = account.running_since()
        while self._breaks and now - self._breaks[0][0] > max(self._calm, now - began):
            self._breaks.popleft()
        calm = all(entry.key in keys for _, keys in self._breaks)
        witnessed = any(
            link.suspect is None and link.began_at <= began and not link.draining for link in others
        )
        if calm and witnessed:
            entry.counted.append((account.instance_id, now))
        if not entry.deaths_alone or self._answers > entry.answers_before:
            entry.proven += 1
        entry.answers_before = self._answers
        entry.died_on |= {account.instance_id}
        entry.deaths_alone += 1
        self._tried[entry.key] = entry

    def is_poison(self, entry: Entry, *, only_replica: bool) -> bool:
        """Say whether a task is to be given up."""
        return (
            len({instance for instance, _ in entry.counted}) >= INSTANCES
            or (only_replica and entry.proven >= DEATHS_OF_THE_ONLY_REPLICA)
            or entry.deaths_alone >= DEATHS
        )

    def pause(self, entry: Entry) -> float:
        """Return how long a suspect waits for its next trial."""
        if not entry.deaths_alone:
            return 0.0
        return self._unit * PAUSES[min(entry.deaths_alone, len(PAUSES)) - 1]

    def forget(self, entry: Entry) -> None:
        """Forget what was tried; nothing if it was not."""
        self._tried.pop(entry.key, None)


class Suspects:
    """The suspects that are on no link, first come, first served."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[StreamKey, int], Entry] = OrderedDict()
        self._pausing: dict[tuple[StreamKey, int], Entry] = {}
        self._pauses: list[tuple[float, int, Entry]] = []
        self._paused = 0

    def __len__(self) -> int:
        return len(self._waiting) + len(self._pausing)

    def append(self, entry: Entry, now: float = 0.0, pause: float = 0.0) -> None:
        """Let it wait behind the others, once it has paused."""
        if pause:
            self._paused += 1
            self._pausing[entry.key] = entry
            heappush(self._pauses, (now + pause, self._paused, entry))
        else:
            self._waiting[entry.key] = entry

    def give_back(self, entry: Entry) -> None:
        """Let it wait in front of the others: its trial did not take place."""
        self.append(entry)
        self._waiting.move_to_end(entry.key, last=False)

    def remove(self, entry: Entry) -> None:
        """Forget it; nothing if it does not wait."""
        self._waiting.pop(entry.key, None)
        self._pausing.pop(entry.key, None)

    def first(self, count: int, now: float) -> Sequence[Entry]:
        """Return the first `count` that are due, or fewer."""
        while self._pauses and self._pauses[0][0] <= now:
            entry = heappop(self._pauses)[2]
            if self._pausing.pop(entry.key, None) is not None:
                self._waiting[entry.key] = entry
        return list(islice(self._waiting.values(), count))

    def next_due(self) -> float | None:
        """Return when the next one has paused; None while none pauses."""
        while self._pauses and self._pauses[0][2].key not in self._pausing:
            heappop(self._pauses)
        return self._pauses[0][0] if self._pauses else None


def candidates(entry: Entry, links: Iterable[LinkAccount]) -> list[LinkAccount]:
    """Return the links where a suspect may be tried now: one suspect on each.

    A second death on the same instance proves little, so another one is preferred, and waited for.
    One that has died alone before leaves a link without a suspect, if there are two, as a witness.
    """
    usable = list(links)
    trying = [link for link in usable if not is_free(link) and link.promised is not entry]
    careful = entry.deaths_alone or any(_is_tried_again(link) for link in trying)
    if careful and len(usable) > 1 and len(trying) + 1 >= len(usable):
        return []
    others = [link for link in usable if link.instance_id not in entry.died_on]
    return [link for link in others or usable if link.promised is entry or is_free(link)]


def is_free(link: LinkAccount) -> bool:
    """Say whether no suspect is on the link, nor promised a place there."""
    return link.suspect is None and (link.promised is None or not link.promised.suspect)


def _is_tried_again(link: LinkAccount) -> bool:
    suspects = (link.suspect, link.promised)
    return any(entry is not None and entry.deaths_alone for entry in suspects)
