"""What is suspected of killing replicas and waits to be tried alone, on a link of its choice."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import islice

from newstally_gateway.core.accounts import Entry, LinkAccount
from newstally_gateway.core.tasks import StreamKey

DEATHS = 2
"""A task is given up after so many deaths alone, each of another replica instance."""


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

    A second death on the same instance proves nothing, so another one is preferred, and waited for.
    """
    usable = list(links)
    others = [link for link in usable if link.instance_id not in entry.deaths]
    return [link for link in others or usable if link.promised is entry or is_free(link)]


def is_free(link: LinkAccount) -> bool:
    """Say whether no suspect is on the link, nor promised a place there."""
    return link.suspect is None and (link.promised is None or not link.promised.suspect)


def _key(entry: Entry) -> tuple[StreamKey, int]:
    return entry.task.stream, entry.task.offset
