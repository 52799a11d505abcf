"""Who may go on when there are more calls than a service does at once.

Pure: calls are any hashable values, peers are strings. One connection is one peer, so that many
calls on one connection get no more than one call on another.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


class Crowd:
    """Calls that wait for their peers, at most `limit` of them.

    Such a call costs nothing but its place; so a newcomer always gets one, at the expense of the
    peer that has most of them.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._peers: dict[str, OrderedDict[Hashable, None]] = {}
        self._peer: dict[Hashable, str] = {}

    def __len__(self) -> int:
        return len(self._peer)

    def enter(self, call: Hashable, peer: str) -> Hashable | None:
        """Take a call in; return the one that has to leave for it, if any."""
        self._peers.setdefault(peer, OrderedDict())[call] = None
        self._peer[call] = peer
        if len(self._peer) <= self._limit:
            return None
        greediest = max(self._peers.values(), key=len)
        oldest = next(iter(greediest))
        self.leave(oldest)
        return oldest

    def leave(self, call: Hashable) -> bool:
        """Forget a call; False if it had to leave before."""
        peer = self._peer.pop(call, None)
        if peer is None:
            return False
        del self._peers[peer][call]
        if not self._peers[peer]:
            del self._peers[peer]
        return True


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking for a turn."""

    granted: bool
    """Now; otherwise later, from `done` or `leave`."""
    refused: Hashable | None = None
    """The call that is not let wait: the one that asked, or another one."""


class Turns:
    """Calls that are worked on, at most `working`; `waiting` more wait, and peers take turns."""

    def __init__(self, working: int, waiting: int) -> None:
        self._most_working = working
        self._most_waiting = waiting
        self._working: set[Hashable] = set()
        # The peers in the order of their turns, with the calls of each in the order they came.
        self._lines: OrderedDict[str, OrderedDict[Hashable, None]] = OrderedDict()
        self._peer: dict[Hashable, str] = {}

    @property
    def working(self) -> int:
        """How many are worked on."""
        return len(self._working)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._peer)

    def ask(self, call: Hashable, peer: str) -> Asked:
        """Ask for a turn. When too many wait, the peer with most of them loses its newest."""
        if len(self._working) < self._most_working and not self._peer:
            self._working.add(call)
            return Asked(granted=True)
        self._lines.setdefault(peer, OrderedDict())[call] = None
        self._peer[call] = peer
        if len(self._peer) <= self._most_waiting:
            return Asked(granted=False)
        refused = next(reversed(max(self._lines.values(), key=len)))
        self._unqueue(refused)
        return Asked(granted=False, refused=refused)

    def done(self, call: Hashable) -> Sequence[Hashable]:
        """Forget a call, worked on or waiting; return the calls whose turn it is now."""
        self._working.discard(call)
        self._unqueue(call)
        granted = []
        while self._lines and len(self._working) < self._most_working:
            peer, line = self._lines.popitem(last=False)
            following, _ = line.popitem(last=False)
            del self._peer[following]
            if line:
                self._lines[peer] = line  # behind the others
            self._working.add(following)
            granted.append(following)
        return granted

    def _unqueue(self, call: Hashable) -> None:
        peer = self._peer.pop(call, None)
        if peer is not None:
            del self._lines[peer][call]
            if not self._lines[peer]:
                del self._lines[peer]
