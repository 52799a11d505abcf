"""The spans of articles that their gateway has traced: how they waited here, and were extracted.

A gateway says so of few, and whoever says more than that is not listened to.
"""

from collections.abc import Mapping, Sequence

from newstally_protos.tracing import names
from newstally_protos.tracing.budget import Budget
from newstally_protos.tracing.spans import OFF, Traces

from newstally_extractor.core.inbox import Work
from newstally_extractor.core.link import Link

ARTICLES_PER_SECOND = 10.0
ARTICLES_AT_ONCE = 20


class Tracing:
    """What a replica has recorded."""

    def __init__(self, traces: Traces = OFF) -> None:
        self._traces = traces
        self._budget = Budget(ARTICLES_PER_SECOND, ARTICLES_AT_ONCE)

    def batch(self, batch: Sequence[Work[Link]], now: float) -> "BatchTrace":
        """Return the trace of a model batch that begins."""
        if not self._traces.on:
            return UNTRACED
        found = [work for work in batch if work.trace is not None and self._budget.grants(now)]
        return BatchTrace(self._traces, found, len(batch), now)


class BatchTrace:
    """The articles of a model batch that are traced."""

    def __init__(
        self, traces: Traces, found: Sequence[Work[Link]], articles: int, began: float
    ) -> None:
        self._traces = traces
        self._found = found
        self._articles = articles
        self._began = began
        self.ids: Mapping[str, str] = {}
        """What log lines carry: of the first of them."""
        if found and (trace := found[0].trace) is not None:
            self.ids = {"trace_id": trace.trace_id, "span_id": trace.span_id}

    def ended(self, now: float) -> None:
        """Record what is known now."""
        for work in self._found:
            waited, worked = now - work.taken_at, now - self._began
            waiting = self._traces.begin(names.WAITING, work.trace, ago=waited)
            waiting.end(ago=worked, bytes=work.size_bytes)
            extraction = self._traces.begin(names.EXTRACTION, work.trace, ago=worked)
            extraction.end(articles=self._articles, bytes=work.size_bytes, cost=work.cost)


UNTRACED = BatchTrace(OFF, (), 0, 0.0)
"""Of a model batch without any."""
