"""What is recorded of a client stream, and that strangers cannot have more of it."""

from collections.abc import Iterator

import pytest
from newstally_gateway.clients.tracing import (
    ARTICLES_AT_ONCE,
    EVERY_SECONDS,
    OPEN_ARTICLES,
    STREAMS_AT_ONCE,
    UNTRACED,
    StreamTrace,
    Tracing,
)
from newstally_gateway.core.clients.batches import Batch
from newstally_gateway.core.diary import Figures
from newstally_gateway.core.tasks import Task
from newstally_protos.tracing.spans import OFF
from newstally_protos.tracing.traceparent import KEY
from support.spans import Recorded, recorded
from unit.gateway.core.builders import counted, refused, task

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.fixture
def seen() -> Iterator[Recorded]:
    with recorded() as made:
        yield made


@pytest.fixture
def tracing(seen: Recorded) -> Tracing:
    return Tracing(seen.traces)


def batch(first: int, end: int) -> Batch:
    return Batch(first, tuple(counted() for _ in range(first, end)), 1_000)


def admit(stream: StreamTrace, offset: int, now: float) -> Task:
    assert stream.articles is not None
    return stream.articles.admitted(task("s", offset), now)


def test_off_costs_a_look(seen: Recorded) -> None:
    """No stream has anything, and none of its articles is looked at."""
    stream = Tracing(OFF).stream([(KEY, SAMPLED)], 0.0, "me")
    assert stream is UNTRACED
    assert (stream.articles, stream.ids) == (None, {})


def test_a_stream_with_an_article_and_a_batch(seen: Recorded, tracing: Tracing) -> None:
    """Each is below what set it off, and the batch is linked to its articles."""
    stream = tracing.stream([(KEY, SAMPLED)], 0.0, "me")
    stream.found("job")
    assert stream.ids["trace_id"] == TRACE
    first = admit(stream, 0, 1.0)
    assert first.trace is not None
    assert admit(stream, 1, 1.0).trace is None  # too soon after the first
    second = admit(stream, 2, 1.0 + EVERY_SECONDS)
    assert stream.articles is not None
    stream.articles.ready(0, counted())
    stream.articles.ready(1, counted())
    stream.articles.ready(2, refused(2))
    span = stream.recording(batch(0, 2))
    span.end(next_offset=2)
    span.end("unanswered")
    stream.articles.settled(2)
    assert len(seen.spans("article")) == 1
    stream.ended("UNAVAILABLE", Figures(1, 2, 0))
    assert seen.attributes("stream") == [
        {"error.type": "UNAVAILABLE", "owner": "me", "upload_id": "job", "settled": 2, "refused": 0}
    ]
    assert seen.attributes("article") == [
        {"offset": 0, "bytes": 100, "outcome": "counted"},
        {"error.type": "unsettled", "offset": 2, "bytes": 100, "outcome": "CONTENT_EMPTY"},
    ]
    assert seen.attributes("recording") == [{"first_offset": 0, "end_offset": 2, "next_offset": 2}]
    (recording,) = seen.spans("recording")
    assert [f"{link.context.span_id:016x}" for link in recording.links] == [first.trace.span_id]
    assert second.trace is not None
    assert second.trace.span_id != first.trace.span_id
    ids = {f"{span.context.trace_id:032x}" for span in seen.spans() if span.context}
    assert ids == {TRACE}


def test_a_caller_that_is_not_sampled_is_not_recorded(seen: Recorded, tracing: Tracing) -> None:
    """What it says is passed on all the same, so that the persister does as it does."""
    stream = tracing.stream([(KEY, UNSAMPLED)], 0.0, "me")
    assert stream.articles is None
    assert stream.ids["trace_id"] == TRACE
    span = stream.recording(batch(0, 1))
    assert span.traceparent is not None
    assert not span.traceparent.sampled
    span.end()
    stream.ended("OK", Figures())
    assert seen.spans() == []


def test_streams_have_a_budget(seen: Recorded, tracing: Tracing) -> None:
    """Who is over it goes on with its trace, of which nothing more is recorded."""
    streams = [tracing.stream([(KEY, SAMPLED)], 0.0, "me") for _ in range(STREAMS_AT_ONCE + 20)]
    for stream in streams:
        stream.ended("OK", Figures())
    assert len(seen.spans("stream")) == STREAMS_AT_ONCE
    last = streams[-1].recording(batch(0, 1)).traceparent
    assert last is not None
    assert (last.trace_id, last.sampled) == (TRACE, False)
    assert tracing.stream([], 0.0, "me").ids == {}


def test_articles_have_a_budget_over_all_streams(tracing: Tracing) -> None:
    """However many streams there are."""
    streams = [tracing.stream([], 0.0, "me") for _ in range(2 * ARTICLES_AT_ONCE)]
    tasks = [admit(stream, 0, 1.0) for stream in streams]
    assert sum(each.trace is not None for each in tasks) == ARTICLES_AT_ONCE


def test_articles_that_are_never_settled_are_few(seen: Recorded, tracing: Tracing) -> None:
    """While the persister is away, say: each open span takes memory."""
    stream = tracing.stream([], 0.0, "me")
    tasks = [admit(stream, offset, float(offset)) for offset in range(10 * OPEN_ARTICLES)]
    assert sum(each.trace is not None for each in tasks) == OPEN_ARTICLES
    stream.ended("CANCELLED", Figures())
    assert len(seen.spans("article")) == OPEN_ARTICLES
