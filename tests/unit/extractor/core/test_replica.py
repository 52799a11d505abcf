"""The replica: the links' work goes through the engine."""

from collections.abc import Sequence

import pytest
from newstally_extractor.core.inbox import Inbox
from newstally_extractor.core.link import Link
from newstally_extractor.core.link import State as LinkState
from newstally_extractor.core.replica import (
    IDLE_SECONDS,
    LONE_PAUSE_SECONDS,
    STALL_SECONDS,
    Replica,
    State,
)
from newstally_extractor.core.windows import Window
from newstally_extractor.engines.engine import Extracted
from newstally_protos.v1 import extractor_pb2 as pb


class Rig:
    """A replica and what it wanted to be done."""

    def __init__(self) -> None:
        self.now = 0.0
        self.stalls = 0
        self.sent: list[pb.Result] = []
        self.replica = Replica(
            inbox=Inbox[Link](1_000, 10),
            window=Window(8, 1_000),
            identity=pb.Welcome(model="m"),
            max_content_bytes=100,
            send_limit_bytes=10_000,
            effects=self,
        )

    def stirred(self) -> None:
        pass

    def stalled(self) -> None:
        self.stalls += 1

    def answered(self, results: Sequence[pb.Result]) -> None:
        self.sent += results

    def work(self, seconds: float = 0.0) -> list[str]:
        """Let it go on; return what the engine has to work on."""
        self.now += seconds
        self.replica.work(self.now)
        working = self.replica.state is State.WORKING
        return [work.content for work in self.replica.batch] if working else []

    def done(self, begun: int = 99) -> None:
        """Answer what was begun; a text is its only entity, "bad" is an error."""
        self.replica.done(
            [
                None
                if number >= begun
                else Extracted(
                    ValueError() if work.content == "bad" else {(work.content, "ORG"): 1}, 0.5
                )
                for number, work in enumerate(self.replica.batch)
            ]
        )


class Peer:
    """A gateway that reads when it is told to."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.replica = rig.replica
        self.link = rig.replica.open(self)
        self.received: list[pb.ExtractResponse] = []

    def stirred(self) -> None:
        pass

    def send(self, *contents: str, alone: bool = False, takes_back: bool = False) -> None:
        works = [pb.Work(id=n, content=text, alone=alone) for n, text in enumerate(contents)]
        request = pb.ExtractRequest(work=works, takes_back=takes_back)
        self.replica.take(self.link, request, self.rig.now)

    def withdraw(self, *ids: int) -> None:
        self.replica.take(self.link, pb.ExtractRequest(withdrawn=ids), self.rig.now)

    def read(self) -> None:
        """Take whatever is there."""
        while (response := self.link.next_response()) is not None:
            self.received.append(response)
            self.replica.accepted(self.link)
        if self.link.state is LinkState.ENDED:
            self.replica.close(self.link)

    @property
    def kinds(self) -> list[str]:
        return [event.WhichOneof("event") or "nothing" for event in self.received]

    @property
    def started(self) -> list[list[int]]:
        return [list(e.started.ids) for e in self.received if e.HasField("started")]

    @property
    def results(self) -> list[pb.Result]:
        return [result for event in self.received for result in event.results.results]

    @property
    def windows(self) -> list[int]:
        return [e.welcome.window.articles for e in self.received if e.HasField("welcome")]


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_started_comes_before_the_engine_begins(rig: Rig) -> None:
    """When the engine gets a batch, every gateway in it has been told, and with its own ids."""
    one, two = Peer(rig), Peer(rig)
    one.send("a", "b")
    two.send("c")
    assert rig.work() == []
    assert rig.replica.state is State.ANNOUNCING
    one.read()
    assert rig.work() == []
    two.read()
    assert rig.work() == ["a", "b", "c"]
    assert (one.started, two.started) == ([[0, 1]], [[0]])
    rig.done()
    one.read()
    two.read()
    assert ([r.id for r in one.results], [r.id for r in two.results]) == ([0, 1], [0])
    assert len(rig.sent) == 3


def test_what_comes_while_the_engine_works_is_the_next_batch(rig: Rig) -> None:
    """Nothing waits for a batch to fill, and only one runs."""
    peer = Peer(rig)
    peer.send("a")
    rig.work()
    peer.read()
    assert rig.work() == ["a"]
    peer.send("b")
    peer.send("c")
    assert rig.work() == ["a"]
    rig.done()
    rig.work()
    peer.read()
    assert rig.work() == ["b", "c"]
    rig.done()
    assert rig.work() == []
    assert rig.replica.state is State.IDLE


def test_the_engine_pauses_before_a_suspect_only(rig: Rig) -> None:
    """Before a suspect, and only then, Started gets time to be read by the gateway."""
    peer = Peer(rig)
    peer.send("suspect", alone=True)
    rig.work()
    peer.read()
    assert rig.work() == []
    assert (rig.replica.state, rig.replica.deadline) == (State.PAUSING, LONE_PAUSE_SECONDS)
    assert rig.work(LONE_PAUSE_SECONDS) == ["suspect"]


def test_only_the_bad_article_is_a_failure(rig: Rig) -> None:
    """Each article gets its own answer."""
    peer = Peer(rig)
    peer.send("a", "bad", "x" * 101)
    rig.work()
    peer.read()
    assert rig.work() == ["a", "bad"]
    rig.done()
    peer.read()
    assert {r.id: r.failure.reason for r in peer.results} == {
        0: pb.FAILURE_REASON_UNSPECIFIED,
        1: pb.FAILURE_REASON_EXTRACTION_FAILED,
        2: pb.FAILURE_REASON_CONTENT_TOO_LONG,
    }
    assert len(rig.sent) == 3


def test_links_share_the_window(rig: Rig) -> None:
    """A link's window shrinks when another comes and grows when it goes."""
    one = Peer(rig)
    one.read()
    two = Peer(rig)
    one.read()
    two.read()
    rig.replica.close(two.link)
    one.read()
    assert (one.windows, two.windows) == ([8, 4, 8], [4])
    rig.replica.close(one.link)
    assert rig.replica.links == 0


def test_the_window_follows_the_links_that_work(rig: Rig) -> None:
    """Idle ones take nothing from them, and get their part as soon as they work, too."""
    peers = [Peer(rig) for _ in range(4)]
    worker, second = peers[:2]
    worker.send("a")
    for peer in peers:
        peer.read()
    assert [peer.windows[-1] for peer in peers] == [8, 2, 2, 2]
    second.send("b")
    for peer in peers:
        peer.read()
    assert [peer.windows[-1] for peer in peers] == [4, 4, 2, 2]
    rig.work()
    for peer in peers:
        peer.read()
    rig.work()
    rig.done()
    second.read()
    rig.work(IDLE_SECONDS - 0.1)
    worker.send("c")
    assert second.link.is_idle
    rig.work(0.1)
    worker.read()
    second.read()
    assert (worker.windows[-1], second.windows[-1]) == (8, 2)


def test_withdrawn_work_is_not_done(rig: Rig) -> None:
    """What waits is answered without an outcome; what was begun is answered as ever."""
    peer = Peer(rig)
    peer.send("a", "b")
    rig.work()
    peer.read()
    assert rig.work() == ["a", "b"]
    peer.replica.take(
        peer.link, pb.ExtractRequest(work=[pb.Work(id=n, content="c") for n in (7, 8)]), rig.now
    )
    peer.withdraw(0, 7, 99)
    peer.read()
    assert [(r.id, r.WhichOneof("outcome")) for r in peer.results] == [(7, None)]
    rig.done()
    rig.work()
    peer.read()
    assert rig.work() == ["c"]
    assert [r.id for r in peer.results] == [7, 0, 1]


def test_what_was_not_begun_is_handed_back(rig: Rig) -> None:
    """The gateway gets its ids; they do not count against its window any more."""
    peer = Peer(rig)
    peer.send("a", "b", "c", takes_back=True)
    rig.work()
    peer.read()
    rig.work()
    rig.done(begun=1)
    peer.read()
    assert [r.id for r in peer.results] == [0]
    assert [list(e.handed_back.ids) for e in peer.received if e.HasField("handed_back")] == [[1, 2]]
    assert peer.link.is_idle
    assert rig.work() == []


def test_costs_are_told(rig: Rig) -> None:
    """What each article took of the processor, in microseconds."""
    peer = Peer(rig)
    peer.send("a", "bad")
    rig.work()
    peer.read()
    rig.work()
    rig.done()
    peer.read()
    assert [r.cost_micros for r in peer.results] == [500_000, 500_000]


def test_what_waits_of_a_link_that_is_gone_is_dropped(rig: Rig) -> None:
    """Nobody works for a gateway that is not there any more; others are served."""
    stays, goes = Peer(rig), Peer(rig)
    stays.send("first")
    rig.work()
    stays.read()
    assert rig.work() == ["first"]
    goes.send("lost")
    stays.send("second")
    rig.replica.close(goes.link)
    assert rig.replica.waiting_articles == 1
    rig.done()
    rig.work()
    stays.read()
    assert rig.work() == ["second"]


def test_a_link_that_goes_while_it_is_told_holds_nothing_up(rig: Rig) -> None:
    """Its part of the batch is left out; without another part there is no batch."""
    stays, goes = Peer(rig), Peer(rig)
    stays.send("a")
    goes.send("b")
    rig.work()
    stays.read()
    rig.replica.close(goes.link)
    assert rig.work() == ["a"]
    rig.done()
    stays.send("c")
    rig.work()
    rig.replica.close(stays.link)
    assert rig.work() == []
    assert rig.replica.state is State.IDLE


def test_a_gateway_that_does_not_read_is_cut(rig: Rig) -> None:
    """A batch does not wait for ever for one gateway; the others' part of it goes on."""
    stalled, peer = Peer(rig), Peer(rig)
    stalled.send("stuck")
    peer.send("a")
    rig.work()
    peer.read()
    assert rig.work(STALL_SECONDS - 0.1) == []
    assert rig.work(0.1) == ["a"]
    assert (rig.stalls, rig.replica.links) == (1, 1)
    stalled.send("more")
    assert rig.replica.waiting_articles == 0
    stalled.read()
    assert stalled.kinds == ["draining"]
    assert stalled.link.state is LinkState.ENDED


def test_drains_what_waits(rig: Rig) -> None:
    """Draining answers what came, then ends the streams."""
    peer = Peer(rig)
    peer.send("a")
    rig.work()
    peer.read()
    rig.work()
    peer.send("b")
    rig.replica.drain()
    peer.read()
    assert rig.replica.draining
    for _ in range(2):
        assert peer.link.state is LinkState.FINISHING
        rig.done()
        rig.work()
        peer.read()
        rig.work()
    assert peer.kinds[-1] == "results"
    assert len(peer.results) == 2
    assert (peer.link.state, rig.replica.links) == (LinkState.ENDED, 0)


def test_end_leaves_the_rest(rig: Rig) -> None:
    """What cannot be answered in the drain time is left; the stream ends in good order."""
    peer = Peer(rig)
    peer.send("a")
    rig.work()
    peer.read()
    rig.work()
    rig.replica.drain()
    rig.replica.end()
    peer.read()
    assert (peer.link.state, peer.results) == (LinkState.ENDED, [])
    rig.done()
    assert rig.work() == []
