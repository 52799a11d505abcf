"""What is recorded of batches and flushes, and how flushes are linked to uploads."""

from collections.abc import Iterator

import pytest
from newstally_persister.flushing.tracing import (
    COMMITS_AT_ONCE,
    LINKS,
    PARTS,
    Carried,
    Commits,
    FlushTrace,
)
from newstally_protos.tracing.spans import NOTHING, OFF, Span
from newstally_protos.tracing.traceparent import KEY, Traceparent
from newstally_protos.v1.journal_pb2 import RecordBatchRequest
from support.spans import Recorded, recorded

SPAN = "b7ad6b7169203331"
REQUEST = RecordBatchRequest(upload_id="job", first_offset=3, end_offset=5)


@pytest.fixture
def seen() -> Iterator[Recorded]:
    with recorded() as made:
        yield made


def parent(number: int, *, sampled: bool = True) -> Traceparent:
    return Traceparent(f"{number:032x}", SPAN, sampled)


def commit(commits: Commits, trace: Traceparent, now: float = 0.0) -> Span:
    return commits.begin([("newstally-owner", "me"), (KEY, str(trace))], REQUEST, now)


def test_a_flush_is_linked_to_the_last_commit_of_each_upload(seen: Recorded) -> None:
    """Once: the next flush is linked to what came after."""
    carried = Carried()
    commits, flush = Commits(seen.traces, carried), FlushTrace(seen.traces, carried)
    for number in (1, 2, 1):
        span = commit(commits, parent(number))
        commits.recorded(span)
        span.end(recorded=True, next_offset=5)
    flush.cutting()
    commits.recorded(commit(commits, parent(3)))  # while it is cut
    flush.cut(7)
    ids = flush.ids
    part = flush.part(7, 1, 10)
    part.end()
    flush.end()
    (made,) = seen.spans("flush")
    second, last = seen.spans("commit")[1:]
    linked = {link.context.span_id for link in made.links}
    assert second.context is not None
    assert last.context is not None
    assert linked == {second.context.span_id, last.context.span_id}
    assert made.context is not None
    assert ids["trace_id"] == f"{made.context.trace_id:032x}"
    (below,) = seen.spans("part")
    assert below.parent is not None
    assert below.parent.span_id == made.context.span_id
    flush.cutting()
    flush.cut(8)
    flush.end()
    assert [link.context.trace_id for link in seen.spans("flush")[1].links] == [3]
    assert flush.ids == {}


def test_links_and_parts_are_bounded(seen: Recorded) -> None:
    """A flush of thousands of uploads and parts takes no more memory, and says what it left out."""
    carried = Carried()
    flush = FlushTrace(seen.traces, carried)
    for number in range(1, LINKS + 11):
        carried.add(parent(number))
    flush.cutting()
    flush.cut(1)
    for number in range(PARTS + 5):
        flush.part(1, number, 1).end()
    flush.end()
    (made,) = seen.spans("flush")
    assert len(made.links) == LINKS
    assert seen.attributes("flush") == [{"flush": 1, "links_left_out": 10, "parts": PARTS + 5}]
    assert len(seen.spans("part")) == PARTS


def test_a_flush_of_an_earlier_life_has_a_span_and_no_links(seen: Recorded) -> None:
    """It begins with the first part that is tried."""
    flush = FlushTrace(seen.traces)
    flush.part(4, 2, 1).end("failed")
    flush.part(4, 2, 1).end()
    flush.end("left open")
    assert seen.attributes("flush") == [
        {"flush": 4, "links_left_out": 0, "parts": 2, "error.type": "left open"}
    ]
    assert len(seen.spans("part")) == 2


def test_what_is_not_sampled_is_not_recorded(seen: Recorded) -> None:
    """Nor is it linked; its id is known for the log."""
    carried = Carried()
    commits = Commits(seen.traces, carried)
    span = commit(commits, parent(1, sampled=False))
    commits.recorded(span)
    span.end()
    assert span.ids["trace_id"] == f"{1:032x}"
    assert (carried.take(), seen.spans()) == (([], 0), [])
    assert commits.begin([(KEY, "hostile")], REQUEST, 0.0) is NOTHING
    assert Commits(OFF, carried).begin([(KEY, str(parent(1)))], REQUEST, 0.0) is NOTHING


def test_batches_have_a_budget(seen: Recorded) -> None:
    """Whoever sends them."""
    commits = Commits(seen.traces, Carried())
    for _ in range(COMMITS_AT_ONCE + 10):
        commit(commits, parent(1)).end()
    assert len(seen.spans("commit")) == COMMITS_AT_ONCE
