"""What is sent next, and where: suspects, what was promised room, then whoever's turn it is."""

from enum import Enum, auto

from newstally_gateway.core.replicas.accounts import SILENCE_SECONDS, Entry, LinkAccount
from newstally_gateway.core.replicas.entries import Entries
from newstally_gateway.core.replicas.fair_queue import FairQueue
from newstally_gateway.core.replicas.fleet import Fleet, emptiest_to_promise, emptiest_with_room
from newstally_gateway.core.replicas.suspects import Suspects, candidates, is_free
from newstally_gateway.core.tasks import Attempt, Task


class Assigner:
    """Takes tasks from where they wait to the links."""

    def __init__(
        self, queue: FairQueue, suspects: Suspects, fleet: Fleet, entries: Entries
    ) -> None:
        self._queue = queue
        self._suspects = suspects
        self._fleet = fleet
        self._entries = entries
        self._last_attempt = 0

    def assign(self, now: float) -> list[Attempt]:
        """Return all that can be sent now; it counts as sent."""
        attempts: list[Attempt] = []
        if self._fleet.usable:
            self._keep_promises(now, attempts)
            self._try_suspects(now, attempts)
            self._take_turns(now, attempts)
            self._double(now, attempts)
        return attempts

    def next_chance(self, now: float) -> float | None:
        """Return when there may be something to send although nothing happened.

        What could not be sent when it was due waits for something else to happen.
        """
        chances = [self._suspects.next_due()]
        if not len(self._queue) and any(link.is_idle for link in self._fleet.usable):
            chances += [account.doubtful_at() for account in self._fleet if account.sent]
        return min((chance for chance in chances if chance and chance > now), default=None)

    def _keep_promises(self, now: float, attempts: list[Attempt]) -> None:
        """Send what links keep room for: there, or where there is room first."""
        if not self._fleet.promises:
            return
        for account in tuple(self._fleet.usable):  # sending changes its order
            entry = account.promised
            if entry is None:
                continue
            if account.can_keep_promise():
                target: LinkAccount | None = account
            else:
                usable = self._fleet.usable
                links = candidates(entry, usable) if entry.suspect else usable
                target = emptiest_with_room(links, entry.size_bytes, now)
            if target is not None:
                self._fleet.break_promise(entry)
                self._send(entry, target, now, attempts)

    def _try_suspects(self, now: float, attempts: list[Attempt]) -> None:
        """Give each link that has none a suspect, or have it keep room for one."""
        if not self._suspects or not any(map(is_free, self._fleet.usable)):
            return
        for entry in self._suspects.first(len(self._fleet.usable), now):
            links = candidates(entry, self._fleet.usable)
            target = emptiest_with_room(links, entry.size_bytes, now)
            if target is not None:
                self._suspects.remove(entry)
                self._send(entry, target, now, attempts)
                continue
            promiser = emptiest_to_promise(links, entry.size_bytes)
            if promiser is not None:
                self._suspects.remove(entry)
                self._fleet.promise(entry, promiser)

    def _take_turns(self, now: float, attempts: list[Attempt]) -> None:
        """Place what the queue gives, until one article has to wait for room.

        A short article that has no room holds up all others: if smaller ones went past it, it
        might starve. That costs little: links without room for it are almost full.
        """
        queue = self._queue
        while (task := queue.stalled_head()) is not None:
            placement = self._place(task, now, attempts)
            if placement is _Placement.STALLS:
                break
            queue.resume()
            if placement is _Placement.WAITS:
                return
            queue.take()
        while (task := queue.head()) is not None:
            placement = self._place(task, now, attempts)
            if placement is _Placement.WAITS:
                return
            if placement is _Placement.STALLS:
                queue.stall()
            else:
                queue.take()

    def _place(self, task: Task, now: float, attempts: list[Attempt]) -> "_Placement":
        """Send a queued task, or have room kept for it; or say how it has to wait."""
        size = task.size_bytes
        target = emptiest_with_room(self._fleet.usable, size, now)
        if target is not None:
            self._send(self._entries.enter(task), target, now, attempts)
            return _Placement.PLACED
        if not all(link.is_long(size) for link in self._fleet.usable):
            return _Placement.WAITS
        promiser = emptiest_to_promise(self._fleet.usable, size)
        if promiser is None:
            return _Placement.STALLS
        self._fleet.promise(self._entries.enter(task), promiser)
        return _Placement.PLACED

    def _send(
        self, entry: Entry, account: LinkAccount, now: float, attempts: list[Attempt]
    ) -> None:
        self._last_attempt += 1
        account.send(entry, self._last_attempt, now)
        self._fleet.sent(account)
        attempts.append(Attempt(account.key, self._last_attempt, entry.task, entry.suspect))

    def _double(self, now: float, attempts: list[Attempt]) -> None:
        """Send what waits on links that are silent to replicas that are idle, too."""
        silent_since = now - SILENCE_SECONDS
        silent = [link for link in self._fleet if link.sent and link.heard_at <= silent_since]
        if not silent or len(self._queue):
            return
        idle = [account for account in self._fleet.usable if account.is_idle]
        for account in silent if idle else ():
            doubtful_at = account.doubtful_at()
            if doubtful_at is None or doubtful_at > now:
                continue
            others = [other for other in idle if other is not account]
            for on_link in account.undoubled():
                target = emptiest_with_room(others, on_link.entry.size_bytes, now)
                if target is None:
                    break
                self._send(on_link.entry, target, now, attempts)


class _Placement(Enum):
    PLACED = auto()
    """Sent, or promised a place."""
    WAITS = auto()
    """For room that short articles leave soon."""
    STALLS = auto()
    """For a long one to be answered; other streams need not wait for it."""
