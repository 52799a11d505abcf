"""One link: what is unanswered on it, and what waits to be sent."""

from newstally_extractor.core.link import Link, State
from newstally_extractor.core.windows import Window
from newstally_protos.v1 import extractor_pb2 as pb
from newstally_protos.v1.status_pb2 import ReplicaReport

IDENTITY = pb.Welcome(model="m", model_version="1")
RESULT = pb.Result(id=1)


class Ignored:
    """Looks at the link without being told to."""

    def stirred(self) -> None:
        pass


def link(window: Window = Window(2, 100)) -> Link:  # noqa: B008 - frozen
    return Link(IDENTITY, window, Ignored())


def events(of: Link) -> list[str]:
    """Let the transport accept everything that waits; return what it was."""
    seen: list[str] = []
    while (response := of.next_response()) is not None:
        seen.append(response.WhichOneof("event") or "nothing")
        of.accepted()
    return [*seen, "end"] if of.state is State.ENDED else seen


def test_speaks_first() -> None:
    """Welcome, with the window, is the first event, whatever else waits already."""
    it = link()
    it.answer([RESULT], [])
    first = it.next_response()
    assert first is not None
    assert first.welcome == pb.Welcome(
        model="m", model_version="1", window=pb.Window(articles=2, bytes=100)
    )
    assert events(it) == ["results"]


def test_only_the_latest_window_is_told() -> None:
    """Windows that change while the gateway does not read do not pile up."""
    it = link()
    for articles in (3, 4, 5):
        it.set_window(Window(articles, 100))
    first = it.next_response()
    assert first is not None
    assert first.welcome.window.articles == 5
    it.set_window(Window(5, 100))
    assert events(it) == []


def test_started_has_left_when_the_message_after_it_was_accepted() -> None:
    """The engine is not started while Started may still be in the process's own buffers."""
    it = link()
    assert events(it) == ["welcome"]
    announcement = it.announce([1, 2])
    started = it.next_response()
    assert started is not None
    assert list(started.started.ids) == [1, 2]
    it.accepted()
    assert announcement.has_left is None
    assert it.next_response() == pb.ExtractResponse()
    assert announcement.has_left is None
    it.accepted()
    assert announcement.has_left is True


def test_announcing_to_a_link_that_is_gone() -> None:
    """Whoever waits for Started to leave learns that it never will."""
    it = link()
    before = it.announce([1])
    it.close()
    assert before.has_left is False
    assert it.announce([2]).has_left is False


def test_no_room_until_answers_have_left() -> None:
    """Reading stops at the window and goes on when the transport has accepted answers."""
    it = link()
    it.take(40)
    assert it.has_room
    it.take(60)
    it.answer([RESULT], [60])
    assert not it.has_room
    assert events(it) == ["welcome", "results"]
    assert it.has_room


def test_drains_when_all_is_answered() -> None:
    """A draining link ends in good order after its last answer was accepted, not before."""
    it = link()
    it.take(1)
    it.drain()
    assert events(it) == ["welcome", "draining"]
    it.answer([RESULT], [1])
    assert it.next_response() is not None
    assert it.next_response() is None
    assert it.state is State.FINISHING
    it.accepted()
    assert events(it) == ["end"]


def test_ends_when_the_gateway_has_ended_and_all_is_answered() -> None:
    """A gateway that half-closes gets its answers, then the end."""
    it = link()
    it.take(1)
    it.finish()
    assert events(it) == ["welcome"]
    it.answer([RESULT], [1])
    assert events(it) == ["results", "end"]


def test_end_leaves_the_rest_unanswered() -> None:
    """When the drain time is over, the stream ends although answers are missing."""
    it = link()
    it.take(1)
    it.drain()
    it.end()
    assert events(it) == ["end"]


def test_a_cut_link_ends_cleanly_behind_its_started() -> None:
    """A Started that still arrives after the cut is followed by Draining, and nothing else."""
    it = link()
    assert events(it) == ["welcome"]
    it.take(1)
    it.answer([RESULT], [0])
    it.announce([1])
    hanging = it.next_response()
    assert hanging is not None
    assert hanging.HasField("results")
    it.cut()
    it.close()
    it.answer([RESULT], [1])
    it.drain()
    assert events(it) == ["draining", "end"]


def test_only_the_latest_report_is_sent_and_after_all_else() -> None:
    """Reports do not pile up while the gateway does not read, and hold nothing up."""
    it = link()
    for number in (1, 2, 3):
        it.report(pb.ExtractResponse(report=ReplicaReport(busy=number)))
    it.answer([RESULT], [])
    seen = []
    while (response := it.next_response()) is not None:
        seen.append(response)
        it.accepted()
    assert [each.WhichOneof("event") for each in seen] == ["welcome", "results", "report"]
    assert seen[-1].report.busy == 3


def test_a_report_keeps_no_link_open() -> None:
    """One that ends says nothing more of the replica."""
    it = link()
    assert events(it) == ["welcome"]
    it.finish()
    it.report(pb.ExtractResponse(report=ReplicaReport(busy=1)))
    assert events(it) == ["end"]
