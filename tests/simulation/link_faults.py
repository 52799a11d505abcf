"""Faults planted in what decides about links, articles and replicas."""

from collections.abc import Sequence

from newstally_extractor.core.link import Link as ReplicaLink
from newstally_extractor.core.replica import Replica
from newstally_extractor.core.replica import State as ReplicaState
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.replicas.link import End, Link, State
from newstally_gateway.core.tasks import Attempt, LinkKey, Poisoned, StreamKey, Task
from newstally_protos.v1.extractor_pb2 import ExtractRequest, Work
from simulation.world import Machines


class CountsEarlierAttempts(Dispatcher):
    """Takes an answer to any attempt at an article, whichever it was and wherever it comes from."""

    def __init__(self, article_timeout: float) -> None:
        super().__init__(article_timeout)
        self._attempted: dict[int, tuple[StreamKey, int]] = {}

    def assign(self, now: float) -> list[Attempt]:
        attempts = super().assign(now)
        for attempt in attempts:
            self._attempted[attempt.attempt_id] = (attempt.task.stream, attempt.task.offset)
        return attempts

    def answered(
        self, link: LinkKey, attempt_id: int, now: float, cost_micros: int = 0
    ) -> Task | None:
        task = super().answered(link, attempt_id, now, cost_micros)
        if task is not None or attempt_id not in self._attempted:
            return task
        stream, offset = self._attempted[attempt_id]
        entry = self._entries.get(stream, offset)
        for account in self._fleet:
            for attempt, on_link in (*account.sent.items(), *account.running.items()):
                if on_link.entry is entry:
                    account.take(attempt)
                    self._forget(on_link.entry)
                    return on_link.entry.task
        return None


class SuspectsAfterCleanEnds(Dispatcher):
    """Suspects what ran on a replica that went in good order."""

    def link_down(self, link: LinkKey, now: float, *, clean: bool) -> Sequence[Poisoned]:
        account = self._fleet.get(link)
        if account is not None and account.draining:
            self._retire(account)
            account.draining = False
        return super().link_down(link, now, clean=False)


class KeepsBytes(Dispatcher):
    """Does not give back the bytes of what was answered to the link's window."""

    def answered(
        self, link: LinkKey, attempt_id: int, now: float, cost_micros: int = 0
    ) -> Task | None:
        account = self._fleet.get(link)
        before = account.outstanding_bytes if account is not None else 0
        task = super().answered(link, attempt_id, now, cost_micros)
        if account is not None:
            account.outstanding_bytes = before
        return task


class GivesUpEarly(Dispatcher):
    """Gives an article up after its first death alone."""

    def link_down(self, link: LinkKey, now: float, *, clean: bool) -> Sequence[Poisoned]:
        account = self._fleet.get(link)
        for on_link in [] if account is None else account.running.values():
            on_link.entry.counted += [("one", now), ("two", now)]
        return super().link_down(link, now, clean=clean)


class BeginsBeforeItSays(Replica):
    """Lets the engine begin while Started is still on its way."""

    def _look_who_knows(self, now: float) -> bool:
        self._announcements = {}
        self._turn(ReplicaState.WORKING)
        return True


class MixesSuspects(Replica):
    """Puts a suspect into a model batch with others."""

    def take(self, link: ReplicaLink, request: ExtractRequest, now: float) -> None:
        works = [Work(id=work.id, content=work.content) for work in request.work]
        super().take(link, ExtractRequest(work=works), now)


class LeavesWithoutAWord(Link):
    """Ends and does not say so: what it has not answered is queued again by nobody."""

    def _end(self, reason: str, now: float, *, clean: bool) -> None:
        if self.state is not State.ENDED:
            self.end = End(self.is_welcomed, clean, reason)
            self._turn(State.ENDED)


LINK_FAULTS = {
    "counts answers of an earlier attempt": Machines(dispatcher=CountsEarlierAttempts),
    "suspects what a clean end leaves": Machines(dispatcher=SuspectsAfterCleanEnds),
    "does not give a link's bytes back": Machines(dispatcher=KeepsBytes),
    "gives an article up after one death": Machines(dispatcher=GivesUpEarly),
    "sends Started after the engine began": Machines(replica=BeginsBeforeItSays),
    "lets a suspect share its model batch": Machines(replica=MixesSuspects),
    "does not say that a link has ended": Machines(link=LeavesWithoutAWord),
}
