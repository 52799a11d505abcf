"""The span of an upload: it goes on with the trace that it was started in, if there is one.

An application that uses OpenTelemetry has imported it: then its tracer is used, and what is current
in it. Otherwise nothing is imported, and TRACEPARENT of the environment goes to the gateway as it
is.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from newstally_protos.tracing import names
from newstally_protos.tracing.spans import OFF, Span, Traces
from newstally_protos.tracing.traceparent import KEY, Traceparent, read

from newstally._gateway.securing import Metadata

VARIABLE = "TRACEPARENT"
API = "opentelemetry.trace"
SCOPE = "newstally"
"""What the spans are said to come from."""
OWN: ContextVar[Traces | None] = ContextVar("OWN", default=None)
"""What the command line has opened."""


def parent_of(environment: Mapping[str, str]) -> Traceparent | None:
    """Return what the process was started in."""
    return read(environment.get(VARIABLE, ""))


@contextmanager
def upload_span() -> Iterator[Span]:
    """Give the span of an upload that is done in the `with`."""
    span = _begin()
    try:
        with span.current():
            yield span
    except BaseException as error:
        span.end(type(error).__name__)
        raise
    finally:
        span.end()


def metadata(span: Span) -> Metadata:
    """Return what tells the gateway."""
    return () if span.traceparent is None else ((KEY, str(span.traceparent)),)


def _begin() -> Span:
    if (own := OWN.get()) is not None:
        return own.begin(names.UPLOAD)
    parent = parent_of(os.environ)
    api = sys.modules.get(API)
    if api is None:
        return OFF.begin(names.UPLOAD, parent)
    from newstally_protos.tracing.recording import TracerTraces  # noqa: PLC0415 - as said above

    if api.get_current_span().get_span_context().is_valid:
        parent = None  # what is current is nearer
    return TracerTraces(api.get_tracer(SCOPE)).begin(names.UPLOAD, parent)
