"""Sends spans to the collector that the OTEL_ variables name. Importing this imports the SDK.

The SDK has a queue with a bound (OTEL_BSP_MAX_QUEUE_SIZE, 2,048 spans; what comes on top is
dropped), a thread that empties it, and deadlines for the collector. So no span ever waits, nor does
whoever ends one.
"""

import logging
import threading
from collections.abc import Callable

from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from newstally_protos.tracing.recording import TracerTraces

SCOPE = "newstally"
"""What the spans are said to come from."""
CLOSING_SECONDS = 0.5
"""What ending gets on top, once the connection to the collector is cut."""
LOGGER = "opentelemetry"


class ExportedTraces(TracerTraces):
    """Spans that this process sends to its collector."""

    def __init__(self, provider: TracerProvider, exporter: OTLPSpanExporter, version: str) -> None:
        super().__init__(provider.get_tracer(SCOPE, version))
        self.provider = provider
        self._exporter = exporter

    def end(self, seconds: float) -> None:
        """See Traces."""
        # The SDK waits for as long as the collector likes: in a thread, which may be left behind.
        ending = threading.Thread(target=self.provider.shutdown, name="traces end", daemon=True)
        ending.start()
        ending.join(seconds)
        if ending.is_alive():
            self._exporter.shutdown()
            ending.join(CLOSING_SECONDS)


def export(
    service: str, version: str, instance_id: str, on_trouble: Callable[[str], None]
) -> ExportedTraces:
    """Begin to send spans. Raises ValueError for variables that say nothing of use.

    `on_trouble` is called with what is wrong, from any thread, as often as the SDK says it.
    """
    _listen(on_trouble)
    of_environment = OTELResourceDetector().detect().attributes
    resource = Resource.create(
        {
            "service.name": service,
            "service.version": version,
            "service.instance.id": instance_id,
            **of_environment,
        }
    )
    try:
        exporter = OTLPSpanExporter()
        provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        provider.add_span_processor(BatchSpanProcessor(exporter))
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(str(error)) from error
    return ExportedTraces(provider, exporter, version)


def _listen(on_trouble: Callable[[str], None]) -> None:
    """Hear what the SDK logs: it says again and again that a collector is away."""
    logger = logging.getLogger(LOGGER)
    logger.propagate = False
    logger.handlers[:] = [_Trouble(on_trouble)]


class _Trouble(logging.Handler):
    def __init__(self, on_trouble: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._on_trouble = on_trouble

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the status of a call, or what the line is about; not what a peer said."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        codes = [found.name for found in arguments if hasattr(found, "name")]
        self._on_trouble(codes[0] if codes else str(record.msg).partition(":")[0][:80])
