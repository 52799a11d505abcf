"""What is recorded of articles that a gateway has traced."""

from collections.abc import Iterator
from typing import Any

import pytest
from newstally_extractor.core.inbox import Inbox, Work
from newstally_extractor.core.link import Link
from newstally_extractor.core.replica import Replica
from newstally_extractor.core.windows import Window
from newstally_extractor.gateways.tracing import ARTICLES_AT_ONCE, UNTRACED, Tracing
from newstally_protos.tracing.traceparent import Traceparent, read
from newstally_protos.v1 import extractor_pb2 as pb
from support.spans import Recorded, recorded
from unit.protos.tracing.test_traceparent import HOSTILE

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
PARENT = Traceparent(TRACE, SPAN, sampled=True)
LINK: Any = object()


@pytest.fixture
def seen() -> Iterator[Recorded]:
    with recorded() as made:
        yield made


def work(number: int, trace: Traceparent | None = PARENT, taken_at: float = 0.0) -> Work[Link]:
    return Work(LINK, number, "text", 4, cost=5, taken_at=taken_at, trace=trace)


def test_an_article_waits_and_is_extracted(seen: Recorded) -> None:
    """Both are below the gateway's span, one after the other, as long as they took."""
    batch = Tracing(seen.traces).batch([work(1, None), work(2, taken_at=10.0)], 12.0)
    assert batch.ids == {"trace_id": TRACE, "span_id": SPAN}
    batch.ended(15.0)
    waiting, extraction = seen.spans()
    assert (waiting.name, extraction.name) == ("waiting", "extraction")
    for span, seconds in ((waiting, 2.0), (extraction, 3.0)):
        assert span.parent is not None
        assert span.start_time is not None
        assert span.end_time is not None
        assert f"{span.parent.span_id:016x}" == SPAN
        assert (span.end_time - span.start_time) / 1e9 == pytest.approx(seconds, abs=0.5)
    assert seen.attributes("extraction") == [{"articles": 2, "bytes": 4, "cost": 5}]


def test_a_gateway_cannot_have_everything_recorded(seen: Recorded) -> None:
    """More than the budget is ignored."""
    tracing = Tracing(seen.traces)
    tracing.batch([work(number) for number in range(500)], 1.0).ended(2.0)
    assert len(seen.spans("extraction")) == ARTICLES_AT_ONCE
    batch = tracing.batch([work(1)], 1.0)
    assert batch.ids == {}


def test_off_and_unsampled_record_nothing(seen: Recorded) -> None:
    """The gateway's decision holds."""
    assert Tracing().batch([work(1)], 0.0) is UNTRACED
    Tracing(seen.traces).batch([work(1, PARENT.unsampled())], 0.0).ended(1.0)
    assert seen.spans() == []


class Effects:
    """What a replica wants to be done: nothing here."""

    def stirred(self) -> None: ...

    def stalled(self) -> None: ...

    def answered(self, results: object) -> None: ...


@pytest.mark.parametrize("text", [*HOSTILE, str(PARENT)])
def test_what_a_gateway_writes_is_read_or_ignored(text: str) -> None:
    """However long it is, no more than a span is kept of it; the article goes its way."""
    inbox = Inbox[Link](1_000, 10)
    window = Window(10, 1_000)
    replica = Replica(inbox, window, pb.Welcome(), 100, 1_000_000, Effects())
    link = replica.open(Effects())
    request = pb.ExtractRequest(work=[pb.Work(id=1, content="Ada", traceparent=text)])
    replica.take(link, request, 7.0)
    (taken,) = inbox.next_batch()
    assert taken.trace == read(text)
    assert taken.taken_at == 7.0
