"""Spans of OpenTelemetry. Importing this imports its API, and not its SDK."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.trace.propagation import set_span_in_context

from newstally_protos.tracing.names import PREFIX
from newstally_protos.tracing.spans import Span, Traces, Value
from newstally_protos.tracing.traceparent import Traceparent


class RecordedSpan(Span):
    """One that the tracer has begun; recorded if its sampler says so."""

    __slots__ = ("_span",)

    def __init__(self, span: trace.Span) -> None:
        super().__init__(_traceparent(span.get_span_context()))
        self._span = span

    @property
    def recorded(self) -> bool:
        """See Span, and likewise for the others."""
        return self._span.is_recording()

    def note(self, **attributes: Value) -> None:
        """Add attributes."""
        self._span.set_attributes(_prefixed(attributes))

    def end(self, error: str = "", *, ago: float = 0.0, **attributes: Value) -> None:
        """End it."""
        if not self._span.is_recording():
            return
        self._span.set_attributes(_prefixed(attributes))
        if error:
            self._span.set_attribute("error.type", error)
            self._span.set_status(trace.StatusCode.ERROR)
        self._span.end(_nanos(ago))

    @contextmanager
    def current(self) -> Iterator[None]:
        """Have what is done in the `with` belong to it."""
        # What an exception says may be anything: it is not recorded.
        with trace.use_span(self._span, record_exception=False, set_status_on_exception=False):
            yield


class TracerTraces(Traces):
    """Spans of a tracer: of an application that uses the client, say."""

    def __init__(self, tracer: trace.Tracer) -> None:
        self._tracer = tracer

    @property
    def on(self) -> bool:
        """See Traces, and likewise for the others."""
        return True

    def begin(
        self,
        name: str,
        parent: Traceparent | None = None,
        *,
        links: Sequence[Traceparent] = (),
        ago: float = 0.0,
        **attributes: Value,
    ) -> RecordedSpan:
        """Return a span. Without a parent it belongs to what is current, if anything is."""
        context = None
        if parent is not None:
            context = set_span_in_context(trace.NonRecordingSpan(_context(parent)))
        return RecordedSpan(
            self._tracer.start_span(
                name,
                context,
                attributes=_prefixed(attributes),
                links=[trace.Link(_context(link)) for link in links],
                start_time=_nanos(ago),
            )
        )


def _nanos(ago: float) -> int:
    return time.time_ns() - int(ago * 1e9)


def _prefixed(attributes: dict[str, Value]) -> dict[str, Value]:
    return {PREFIX + name: value for name, value in attributes.items()}


def _context(parent: Traceparent) -> trace.SpanContext:
    flags = trace.TraceFlags.SAMPLED if parent.sampled else trace.TraceFlags.DEFAULT
    trace_id, span_id = int(parent.trace_id, 16), int(parent.span_id, 16)
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=trace.TraceFlags(flags))


def _traceparent(context: trace.SpanContext) -> Traceparent | None:
    if not context.is_valid:
        return None
    return Traceparent(
        trace.format_trace_id(context.trace_id),
        trace.format_span_id(context.span_id),
        context.trace_flags.sampled,
    )
