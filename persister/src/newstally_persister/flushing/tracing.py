"""The spans of batches that are committed, and of the flushes that carry them on.

A flush carries tallies of many uploads, coalesced. It is a trace of its own, with links to the
uploads whose batches it took. Which ones is kept in memory: in the journal it would be one more row
for each batch, to be deleted with its flush, and all that it could say after a restart is what the
upload ids say as well.
"""

from collections.abc import Iterable, Mapping

from newstally_protos.tracing import names
from newstally_protos.tracing.budget import Budget
from newstally_protos.tracing.spans import NOTHING, OFF, Span, Traces
from newstally_protos.tracing.traceparent import Traceparent, of_metadata
from newstally_protos.v1.journal_pb2 import RecordBatchRequest

COMMITS_PER_SECOND = 20.0
COMMITS_AT_ONCE = 100
LINKS = 32
"""Uploads that a flush is linked to."""
PARTS = 16
"""Parts of a flush, tries of one included, that have spans."""


class Carried:
    """The traces of uploads whose batches no flush has taken yet: the last batch of each."""

    def __init__(self) -> None:
        self._traces: dict[str, Traceparent] = {}
        self._left_out = 0

    def add(self, trace: Traceparent) -> None:
        """Note a batch."""
        if trace.trace_id in self._traces or len(self._traces) < LINKS:
            self._traces[trace.trace_id] = trace
        else:
            self._left_out += 1

    def take(self) -> tuple[list[Traceparent], int]:
        """Return them, once, and how many batches were left out."""
        taken = list(self._traces.values()), self._left_out
        self._traces, self._left_out = {}, 0
        return taken


class Commits:
    """The spans of batches."""

    def __init__(self, traces: Traces, carried: Carried) -> None:
        self._traces = traces
        self._carried = carried
        self._budget = Budget(COMMITS_PER_SECOND, COMMITS_AT_ONCE)

    def begin(
        self,
        metadata: Iterable[tuple[str, str | bytes]] | None,
        request: RecordBatchRequest,
        now: float,
    ) -> Span:
        """Return the span of a batch that came."""
        parent = of_metadata(metadata) if self._traces.on else None
        if parent is None:
            return NOTHING
        if not parent.sampled or not self._budget.grants(now):
            return Span(parent.unsampled())
        return self._traces.begin(
            names.COMMIT,
            parent,
            upload_id=request.upload_id,
            first_offset=request.first_offset,
            end_offset=request.end_offset,
        )

    def recorded(self, span: Span) -> None:
        """Note that the batch was recorded, and waits for a flush."""
        if span.recorded and span.traceparent is not None:
            self._carried.add(span.traceparent)


class FlushTrace:
    """The span of the flush that is under way, and of its parts."""

    def __init__(self, traces: Traces = OFF, carried: Carried | None = None) -> None:
        self._traces = traces
        self._carried = carried or Carried()
        self._links: tuple[list[Traceparent], int] = [], 0
        self._span = NOTHING
        self._parts = 0

    @property
    def ids(self) -> Mapping[str, str]:
        """What log lines carry."""
        return self._span.ids

    def cutting(self) -> None:
        """Note that a cut begins. What is recorded meanwhile may be in it, or in the next one."""
        self._links = self._carried.take()

    def cut(self, flush: int) -> None:
        """Note that the flush begins."""
        links, left_out = self._links
        self._begin(flush=flush, links_left_out=left_out, links=links)

    def part(self, flush: int, number: int, rows: int) -> Span:
        """Return the span of one try of a part."""
        if self._span is NOTHING:  # of a flush that was cut before the process began
            self._begin(flush=flush, links_left_out=0, links=[])
        self._parts += 1
        if self._parts > PARTS or not self._span.recorded:
            return NOTHING
        return self._traces.begin(
            names.PART, self._span.traceparent, flush=flush, part=number, rows=rows
        )

    def end(self, error: str = "") -> None:
        """Note that it is complete, or left to the next start."""
        self._span.end(error, parts=self._parts)
        self._span = NOTHING

    def _begin(self, flush: int, links_left_out: int, links: list[Traceparent]) -> None:
        self._parts = 0
        if self._traces.on:
            self._span = self._traces.begin(
                names.FLUSH, links=links, flush=flush, links_left_out=links_left_out
            )
