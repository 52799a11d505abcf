"""Spans as the rest of the code knows them. These are nothing: traces are off.

What is recorded stands in `exporting`, which is imported only where traces are on.

Attributes are numbers, ids and words of ours. Nothing that stands in an article goes there, nor
what an exception says.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from newstally_protos.tracing.traceparent import Traceparent

Value: TypeAlias = str | int | float | bool


class Span:
    """Something that begins and ends."""

    __slots__ = ("traceparent",)

    def __init__(self, traceparent: Traceparent | None = None) -> None:
        self.traceparent = traceparent
        """What belongs to it says this; None: no trace is known."""

    @property
    def recorded(self) -> bool:
        """Whether a collector will hear of it."""
        return False

    @property
    def ids(self) -> Mapping[str, str]:
        """What log lines carry; empty where no trace is known."""
        if self.traceparent is None:
            return {}
        return {"trace_id": self.traceparent.trace_id, "span_id": self.traceparent.span_id}

    def note(self, **attributes: Value) -> None:
        """Add attributes."""

    @contextmanager
    def current(self) -> Iterator[None]:
        """Have what is done in the `with` belong to it, as OpenTelemetry sees it."""
        yield

    def end(self, error: str = "", *, ago: float = 0.0, **attributes: Value) -> None:
        """End it, `ago` seconds ago. `error`: a kind of failure, never its text. Again: nothing."""


class Traces:
    """Where spans begin."""

    @property
    def on(self) -> bool:
        """Whether anything is recorded at all."""
        return False

    def begin(
        self,
        name: str,
        parent: Traceparent | None = None,
        *,
        links: Sequence[Traceparent] = (),
        ago: float = 0.0,
        **attributes: Value,
    ) -> Span:
        """Return a span that began `ago` seconds ago; without a parent it begins a trace.

        `links`: spans of other traces that have to do with it. From any thread.
        """
        del name, links, ago, attributes
        return Span(parent)

    def end(self, seconds: float) -> None:
        """Send what is not sent yet; give up after so long. Call it last, and not on a loop."""


OFF = Traces()
"""Records nothing."""
NOTHING = Span()
"""Belongs to no trace."""
