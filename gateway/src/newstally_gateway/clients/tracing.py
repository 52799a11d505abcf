"""The spans of client streams: of each stream, of its batches, and of some of its articles.

Sessions say what happens, and nothing here decides anything for them. Strangers may ask for as much
as they like: streams and articles that are traced have a budget each, over all callers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from newstally_protos.tracing import names
from newstally_protos.tracing.budget import Budget
from newstally_protos.tracing.spans import NOTHING, Span, Traces
from newstally_protos.tracing.traceparent import of_metadata
from newstally_protos.v1.article_pb2 import RefusalReason

from newstally_gateway.core.clients.batches import Batch
from newstally_gateway.core.diary import Figures
from newstally_gateway.core.outcomes import Outcome, Refused
from newstally_gateway.core.tasks import Task

STREAMS_PER_SECOND = 10.0
STREAMS_AT_ONCE = 50
ARTICLES_PER_SECOND = 4.0
ARTICLES_AT_ONCE = 8
EVERY_SECONDS = 1.0
"""Between two articles of one stream that are traced, so that one does not use it all up."""
OPEN_ARTICLES = 16
"""Traced articles of one stream that are not settled."""


class Tracing:
    """What all streams of a gateway may have recorded."""

    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self.articles = Budget(ARTICLES_PER_SECOND, ARTICLES_AT_ONCE)
        self._streams = Budget(STREAMS_PER_SECOND, STREAMS_AT_ONCE)

    def stream(
        self, metadata: Iterable[tuple[str, str | bytes]] | None, now: float, owner: str
    ) -> "StreamTrace":
        """Return the trace of a call; one that is over the budget is not recorded."""
        if not self.traces.on:
            return UNTRACED
        parent = of_metadata(metadata)
        if not self._streams.grants(now):
            return StreamTrace(self, Span(parent.unsampled()) if parent else NOTHING)
        return StreamTrace(self, self.traces.begin(names.STREAM, parent, owner=owner))


class StreamTrace:
    """What is recorded of one stream."""

    def __init__(self, tracing: Tracing, span: Span) -> None:
        self._traces = tracing.traces
        self._span = span
        self.articles = Articles(tracing, span) if span.recorded else None
        """None: none of them is."""

    @property
    def ids(self) -> Mapping[str, str]:
        """What log lines carry."""
        return self._span.ids

    def found(self, upload_id: str) -> None:
        """Note which upload it is."""
        self._span.note(upload_id=upload_id)

    def recording(self, batch: Batch) -> Span:
        """Return the span of a batch that is to be recorded."""
        if self.articles is None:
            return self._span  # which ends with the stream
        links = self.articles.of(batch)
        return self._traces.begin(
            names.RECORDING,
            self._span.traceparent,
            links=[span.traceparent for span in links if span.traceparent is not None],
            first_offset=batch.first_offset,
            end_offset=batch.end_offset,
        )

    def ended(self, outcome: str, figures: Figures) -> None:
        """Note the end of the stream."""
        if self.articles is None:
            return
        self.articles.close()
        error = "" if outcome == "OK" else outcome
        self._span.end(error, settled=figures.settled, refused=figures.refused)


class Articles:
    """The articles of one stream that are traced, until they are settled."""

    def __init__(self, tracing: Tracing, stream: Span) -> None:
        self._traces = tracing.traces
        self._budget = tracing.articles
        self._stream = stream
        self._next = float("-inf")
        self._open: dict[int, Span] = {}

    def admitted(self, task: Task, now: float) -> Task:
        """Return the task, with a span if it is to have one."""
        if now < self._next or len(self._open) >= OPEN_ARTICLES or not self._budget.grants(now):
            return task
        self._next = now + EVERY_SECONDS
        span = self._open[task.offset] = self._traces.begin(
            names.ARTICLE,
            self._stream.traceparent,
            ago=now - task.admitted_at,
            offset=task.offset,
            bytes=task.size_bytes,
        )
        return replace(task, trace=span.traceparent)

    def ready(self, offset: int, outcome: Outcome) -> None:
        """Note what came of an article."""
        span = self._open.get(offset)
        if span is not None:
            span.note(outcome=_word(outcome))

    def of(self, batch: Batch) -> list[Span]:
        """Return those of a batch."""
        return [
            span
            for offset, span in self._open.items()
            if batch.first_offset <= offset < batch.end_offset
        ]

    def settled(self, next_offset: int) -> None:
        """Note that all below are settled."""
        for offset in [offset for offset in self._open if offset < next_offset]:
            self._open.pop(offset).end()

    def close(self) -> None:
        """End what is not settled, and was not acknowledged."""
        for span in self._open.values():
            span.end("unsettled")
        self._open.clear()


def _word(outcome: Outcome) -> str:
    if not isinstance(outcome, Refused):
        return "counted"
    return RefusalReason.Name(outcome.refusal.reason).removeprefix("REFUSAL_REASON_")


UNTRACED = StreamTrace(Tracing(Traces()), NOTHING)
"""Of a stream, where traces are off."""
