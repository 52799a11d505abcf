"""One stream to one replica, from connecting until it ends."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.outcomes import Counted, Outcome
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.replicas.dispatching import ClientStream, Dispatching
from newstally_gateway.core.replicas.link import FAREWELL_SECONDS, WELCOME_SECONDS, End, Link, State
from newstally_gateway.core.tasks import Task
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1.draining_pb2 import Draining
from unit.gateway.core.builders import task

TIMEOUT = 100.0


class Rig:
    """A link, what dispatching brings to it, and a client stream "s" that keeps its outcomes."""

    where: ClassVar[Mapping[str, str]] = {"upload_id": "job"}

    def __init__(self) -> None:
        self.dispatching = Dispatching(Dispatcher(TIMEOUT), self)
        self.dispatching.open("s", self)
        self.outcomes: dict[int, Outcome] = {}
        self.pokes = 0
        self.log: list[object] = []
        self.link = Link(self.dispatching, self, now=0.0, replica="r")
        self.added = 0

    # Of dispatching

    def stirred(self) -> None:
        pass

    def requeued(self, articles: int) -> None:
        self.log.append(("requeued", articles))

    def took_long(self, stream: ClientStream, task: Task, seconds: float) -> None:
        self.log.append(("took long", stream.where["upload_id"], task.offset, seconds))

    def given_up(self, stream: ClientStream, task: Task) -> None:
        self.log.append(("given up", stream.where["upload_id"], task.offset))

    # Of the link

    def unsent(self) -> None:
        pass

    def turned(self) -> None:
        self.log.append(self.link.state)

    def too_slow(self) -> None:
        self.log.append("too slow")

    def defective(self, model: str, defect: str) -> None:
        self.log.append((model, defect))

    # Of the client stream

    def ready(self, offset: int, outcome: Outcome, now: float) -> None:
        self.outcomes[offset] = outcome

    def poke(self, now: float) -> None:
        self.pokes += 1

    # What happens

    def welcome(self, articles: int = 10, size_bytes: int = 10_000) -> None:
        window = pb.Window(articles=articles, bytes=size_bytes)
        welcome = pb.Welcome(model="en", model_version="1", instance_id="i", window=window)
        self.link.received(pb.ExtractResponse(welcome=welcome), 1.0)

    def send(self, *sizes: int) -> list[int]:
        """Have articles of these sizes sent; return their attempts."""
        for size in sizes:
            self.dispatching.add(task("s", self.added, size))
            self.added += 1
        self.dispatching.assign(2.0)
        return [a.attempt_id for a in self.link.take_unsent(1_000, 10**9, 0)]

    def start(self, *ids: int) -> None:
        self.link.received(pb.ExtractResponse(started=pb.Started(ids=ids)), 3.0)

    def answer(self, *ids: int) -> None:
        results = [pb.Result(id=each, entities=pb.ArticleEntities()) for each in ids]
        self.link.received(pb.ExtractResponse(results=pb.Results(results=results)), 4.0)

    def drain(self) -> None:
        self.link.received(pb.ExtractResponse(draining=Draining()), 5.0)


@pytest.fixture
def up() -> Rig:
    rig = Rig()
    rig.welcome()
    return rig


def test_a_replica_that_says_nothing_is_left_in_time() -> None:
    """Connecting and Welcome have a deadline; the link was never up then."""
    rig = Rig()
    rig.start(1)
    assert rig.link.deadline == WELCOME_SECONDS
    rig.link.tick(WELCOME_SECONDS - 0.1)
    assert rig.link.state is State.CONNECTING
    rig.link.tick(WELCOME_SECONDS)
    assert rig.link.end == End(False, False, "no Welcome within 10 s")
    assert rig.dispatching.links_up == 0


def test_a_welcomed_link_gets_articles_and_brings_outcomes(up: Rig) -> None:
    """The stream hears of all results of a message at once, and the bytes are given back."""
    ids = up.send(100, 200)
    assert (up.link.state, up.link.deadline) == (State.UP, None)
    assert (up.link.outstanding_articles, up.link.outstanding_bytes) == (2, 300)
    up.start(*ids)
    up.answer(*ids)
    assert all(isinstance(outcome, Counted) for outcome in up.outcomes.values())
    assert (sorted(up.outcomes), up.pokes) == ([0, 1], 1)
    assert (up.link.outstanding_articles, up.link.outstanding_bytes) == (0, 0)


def test_a_later_welcome_changes_the_window(up: Rig) -> None:
    """The replica's window follows how many gateways there are."""
    up.welcome(articles=2)
    assert len(up.send(*[10] * 5)) == 2
    up.welcome(articles=4)
    assert len(up.send()) == 2
    assert up.dispatching.links_up == 1


def test_an_answer_that_nobody_waits_for_means_nothing(up: Rig) -> None:
    """Neither a second one nor one to another link's attempt."""
    (only,) = up.send(10)
    up.answer(only + 1)
    assert up.outcomes == {}
    up.answer(only)
    del up.outcomes[0]
    up.answer(only)
    assert up.outcomes == {}
    assert up.link.outstanding_bytes == 0


@pytest.mark.parametrize("announced", [False, True])
def test_only_a_death_without_a_word_makes_suspects(up: Rig, announced: bool) -> None:
    """What had started is tried alone, unless the replica said that it goes."""
    ids = up.send(10, 10)
    up.start(ids[0])
    if announced:
        up.drain()
        assert up.send(10) == []
    up.link.ended("UNAVAILABLE: gone", 6.0)
    assert up.link.end == End(True, announced, "UNAVAILABLE: gone")
    assert ("requeued", 2) in up.log
    other = Link(up.dispatching, up, 6.0, "r")
    up.link = other
    up.welcome()
    up.dispatching.assign(7.0)
    attempts = other.take_unsent(1_000, 10**9, 0)
    assert [a.alone for a in attempts[:2]] == [not announced, False]


def test_a_retired_link_leaves_when_all_is_answered(up: Rig) -> None:
    """Nothing new is sent; our half ends after the last answer, the link with the replica's."""
    ids = up.send(10, 10)
    up.link.retire(3.0)
    assert up.send(10) == []
    up.answer(ids[0])
    assert up.link.state is State.RETIRED
    up.answer(ids[1])
    assert (up.link.state, up.link.deadline) == (State.LEAVING, 4.0 + FAREWELL_SECONDS)
    up.link.ended("ended by the replica", 5.0)
    assert up.link.end == End(True, True, "ended by the replica")


def test_a_replica_that_does_not_end_is_left_in_time(up: Rig) -> None:
    """An idle link that is retired leaves at once, and does not wait for ever."""
    up.link.retire(3.0)
    assert up.link.state is State.LEAVING
    up.link.tick(3.0 + FAREWELL_SECONDS)
    assert up.link.end == End(True, True, "no longer listed")


def test_a_replica_that_is_not_up_is_retired_at_once() -> None:
    """There is nothing to wait for."""
    rig = Rig()
    rig.link.retire(1.0)
    assert rig.link.end == End(False, True, "no longer listed")


def test_a_link_that_runs_out_of_time_is_ended(up: Rig) -> None:
    """Its articles are queued again, and nothing that still comes counts."""
    ids = up.send(10)
    up.dispatching.expire(2.0 + TIMEOUT)
    assert up.link.end == End(True, False, "an article ran out of time")
    assert "too slow" in up.log
    assert up.dispatching.queued == 1
    up.answer(*ids)
    up.welcome()
    assert (up.outcomes, up.dispatching.links_up) == ({}, 0)


def test_the_end_comes_once(up: Rig) -> None:
    """Whatever else happens then, the first reason stands."""
    up.link.ended("first", 3.0)
    up.link.cancel("second", 3.0)
    up.link.retire(3.0)
    up.link.tick(1e9)
    assert up.link.end == End(True, False, "first")


def test_a_replica_that_breaks_the_protocol_is_named_once(up: Rig) -> None:
    """One log line for a link, not one for an article."""
    ids = up.send(10, 10)
    for each in ids:
        broken = pb.ExtractResponse(results=pb.Results(results=[pb.Result(id=each)]))
        up.link.received(broken, 3.0)
    assert up.log.count(("en 1", "a result without an outcome")) == 1
    assert sorted(up.outcomes) == [0, 1]


def test_what_is_handed_back_goes_elsewhere(up: Rig) -> None:
    """It is queued again, and nothing suspects it; its bytes are given back."""
    ids = up.send(10, 20)
    up.start(*ids)
    up.link.received(pb.ExtractResponse(handed_back=pb.HandedBack(ids=[ids[1], 999])), 3.0)
    assert (up.link.outstanding_articles, up.link.outstanding_bytes) == (1, 10)
    up.dispatching.assign(4.0)
    (again,) = up.link.take_unsent(9, 10**6, 0)
    assert (again.task.offset, again.alone) == (1, False)
    assert again.attempt_id not in ids
    up.answer(ids[1])
    assert 1 not in up.outcomes


def test_the_work_of_a_client_that_has_gone_is_withdrawn(up: Rig) -> None:
    """Unless it has begun; it stays outstanding until the replica has said something about it."""
    begun, waiting, unsent = up.send(10), up.send(20), 3
    up.start(*begun)
    up.dispatching.add(task("s", unsent, 30))
    up.dispatching.assign(3.0)
    up.dispatching.close("s")
    assert up.link.take_withdrawn() == []
    up.dispatching.assign(4.0)
    assert up.link.has_unsent
    assert up.link.take_withdrawn() == [], "not before they were sent"
    (late,) = up.link.take_unsent(9, 10**6, 0)
    assert up.link.take_withdrawn() == [*waiting, late.attempt_id]
    assert not up.link.has_unsent
    up.answer(*begun, *waiting, late.attempt_id)
    assert up.outcomes == {}
    assert up.link.outstanding_articles == 0


def test_an_article_that_takes_long_is_named(up: Rig) -> None:
    """By its upload and its place there."""
    ids = up.send(10, 10)
    results = [
        pb.Result(id=each, entities=pb.ArticleEntities(), cost_micros=micros)
        for each, micros in zip(ids, (4_999_999, 7_000_000), strict=True)
    ]
    up.link.received(pb.ExtractResponse(results=pb.Results(results=results)), 4.0)
    assert ("took long", "job", 1, 7.0) in up.log
    assert sorted(up.outcomes) == [0, 1]


@given(
    sizes=st.lists(st.integers(1, 3000), min_size=1, max_size=300), limit=st.integers(3100, 9000)
)
def test_everything_is_sent_once_in_order_below_the_limit(sizes: list[int], limit: int) -> None:
    """However long the articles are."""
    rig = Rig()
    rig.welcome(len(sizes), 10**9)
    for offset, size in enumerate(sizes):
        rig.dispatching.add(task("s", offset, size))
    rig.dispatching.assign(2.0)
    offsets: list[int] = []
    while rig.link.has_unsent:
        taken = rig.link.take_unsent(20, limit, 32)
        assert 1 <= len(taken) <= 20
        assert sum(attempt.task.size_bytes + 32 for attempt in taken) <= limit
        offsets += [attempt.task.offset for attempt in taken]
    assert offsets == list(range(len(sizes)))
