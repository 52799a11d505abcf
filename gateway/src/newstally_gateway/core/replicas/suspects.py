"""What is suspected of killing replicas and waits to be tried alone, on a link of its choice.

Suspect is what ran when its link broke, unless the end was clean. Suspects go before new work, one
at most on a link, each in a model batch of its own; other work may wait beside it. An answer clears
it. If the link breaks when the suspect was all that ran, that is a death alone. Any other end
proves nothing: it is tried again.
"""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice

from newstally_gateway.core.replicas.accounts import Entry, LinkAccount
from newstally_gateway.core.tasks import StreamKey

INSTANCES = 2
"""A task is given up after deaths alone on so many replica instances."""
DEATHS_ALONE = 4
"""And after so many deaths alone in all. One instance proves little, its connection may just be
bad; but where it is the only one, and lives on when an article runs out of time, there will never
be a second, and the upload would stand still for ever."""


class Suspects:
    """The suspects that are on no link, first come, first served."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[tuple[StreamKey, int], Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def append(self, entry: Entry) -> None:
        """Let it wait behind the others."""
        self._waiting[_key(entry)] = entry

    def give_back(self, entry: Entry) -> None:
        """Let it wait in front of the others: its trial did not take place."""
        self.append(entry)
        self._waiting.move_to_end(_key(entry), last=False)

    def remove(self, entry: Entry) -> None:
        """Forget it; nothing if it does not wait."""
        self._waiting.pop(_key(entry), None)

    def first(self, count: int) -> Sequence[Entry]:
        """Return the first `count`, or fewer."""
        return list(islice(self._waiting.values(), count))


def candidates(entry: Entry, links: Iterable[LinkAccount]) -> list[LinkAccount]:
    """Return the links where a suspect may be tried now: one suspect on each.

    A second death on the same instance proves little, so another one is preferred, and waited for.
    """
    usable = list(links)
    others = [link for link in usable if link.instance_id not in entry.died_on]
    return [link for link in others or usable if link.promised is entry or is_free(link)]


def die_alone(entry: Entry, instance_id: str) -> None:
    """Note that an instance's link broke while it worked on this task and nothing else."""
    entry.died_on |= {instance_id}
    entry.deaths_alone += 1


def is_poison(entry: Entry) -> bool:
    """Say whether a task is to be given up."""
    return len(entry.died_on) >= INSTANCES or entry.deaths_alone >= DEATHS_ALONE


def is_free(link: LinkAccount) -> bool:
    """Say whether no suspect is on the link, nor promised a place there."""
    return link.suspect is None and (link.promised is None or not link.promised.suspect)


def _key(entry: Entry) -> tuple[StreamKey, int]:
    return entry.task.stream, entry.task.offset
