"""Traces in memory, for tests in one process."""

from collections.abc import Iterator
from contextlib import contextmanager

from newstally_protos.tracing.recording import TracerTraces
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


class Recorded:
    """What was recorded."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.traces = TracerTraces(self.provider.get_tracer("tests"))

    def spans(self, *names: str) -> list[ReadableSpan]:
        """Those that have ended, of these names; without names all."""
        found = self._exporter.get_finished_spans()
        return [span for span in found if not names or span.name in names]

    def attributes(self, name: str) -> list[dict[str, object]]:
        """Of each span of that name, without the prefix."""
        return [
            {
                key.removeprefix("newstally."): value
                for key, value in sorted((span.attributes or {}).items())
            }
            for span in self.spans(name)
        ]


@contextmanager
def recorded() -> Iterator[Recorded]:
    """Give them, and let go of the SDK's."""
    made = Recorded()
    try:
        yield made
    finally:
        made.provider.shutdown()
