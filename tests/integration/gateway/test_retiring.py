"""Replicas that discovery no longer lists: they finish what they have, and get nothing more."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import ClassVar

import pytest
from newstally_gateway.core.outcomes import Outcome
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Task
from newstally_gateway.metrics import Metrics
from newstally_gateway.replicas.dispatch_loop import DispatchLoop
from newstally_gateway.replicas.links import Links
from newstally_protos.wire import connect
from prometheus_client import CollectorRegistry
from support.gateway_wire import eventually
from support.reference_extractor import ReferenceExtractor, reference_extractor


class Sink:
    """A session that only collects outcomes."""

    where: ClassVar[Mapping[str, str]] = {"upload_id": "job"}

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        assert offset not in self.outcomes
        self.outcomes[offset] = outcome

    def poke(self, now: float) -> None:
        pass


class Rig:
    """Dispatching and its links, in this process; no session, no persister."""

    def __init__(self) -> None:
        self.metrics = Metrics(CollectorRegistry())
        self.dispatching = DispatchLoop(Dispatcher(30.0), self.metrics).dispatching
        self.links = Links(self.dispatching, connect, self.metrics)
        self.sink = Sink()
        self.dispatching.open(1, self.sink)
        self._next = 0

    def add(self, count: int) -> None:
        for offset in range(self._next, self._next + count):
            self.dispatching.add(Task(1, offset, "The Paper", "", "Ada met Bob", 11))
        self._next += count


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    rig = Rig()
    started = asyncio.Event()
    running = asyncio.create_task(rig.links.run(started))
    await started.wait()
    yield rig
    running.cancel()
    await asyncio.wait({running})


@pytest.fixture
async def leaving() -> AsyncIterator[ReferenceExtractor]:
    async with reference_extractor() as made:
        yield made


async def test_a_replica_no_longer_listed_answers_what_it_has(
    rig: Rig, leaving: ReferenceExtractor
) -> None:
    """Nothing is sent twice; then the link ends, and later articles wait for another replica."""
    rig.links.follow(frozenset({leaving.address}))
    leaving.go.clear()
    rig.add(10)
    await leaving.until_started(1)
    rig.links.follow(frozenset())
    rig.add(5)
    leaving.go.set()
    await eventually(lambda: leaving.links == 0, "the link ends")
    assert sorted(rig.sink.outcomes) == list(range(10))
    async with reference_extractor() as staying:
        rig.links.follow(frozenset({staying.address}))
        await eventually(lambda: len(rig.sink.outcomes) == 15, "the rest is answered")
        assert leaving.answered == 10
        assert staying.answered == 5


async def test_a_replica_that_is_away_is_let_go_at_once(rig: Rig) -> None:
    """A link that waits to connect again ends when it is no longer listed."""
    tasks = asyncio.all_tasks()
    rig.links.follow(frozenset({"127.0.0.1:1"}))
    rig.links.follow(frozenset())
    assert rig.links.listed == 0
    await eventually(lambda: asyncio.all_tasks() <= tasks, "its tasks are gone")


async def test_a_replica_that_is_new_gets_work_at_once(
    rig: Rig, leaving: ReferenceExtractor
) -> None:
    """What waits is sent as soon as a replica says Welcome."""
    rig.add(20)
    rig.links.follow(frozenset({leaving.address}))
    await eventually(lambda: len(rig.sink.outcomes) == 20, "all is answered")
    assert rig.dispatching.links_up == 1
