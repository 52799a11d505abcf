"""Structured logs: one line per event, never one per article."""

import logging
import sys

import structlog
from prometheus_client import Counter
from structlog.typing import Processor

from newstally_runtime.rare import Rarely

GRPC_LOGGER = "grpc._cython.cygrpc"
PEER_ERRORS = Counter(
    "newstally_peer_errors_total", "Calls that broke in gRPC, as when a peer breaks its protocol."
)
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(service: str, level: str = "info", log_format: str = "json") -> None:
    """Send structlog's and the standard library's records to stderr as JSON or for people.

    Every line carries `service`, a time stamp in UTC, and the level.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    tail: list[Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [structlog.dev.ConsoleRenderer(colors=False)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(LEVELS[level])
    logging.getLogger(GRPC_LOGGER).addFilter(PeerErrors())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


class PeerErrors(logging.Filter):
    """Counts what grpc.aio logs with a traceback when a peer breaks off, and seldom lets on."""

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Rarely("call broke in gRPC")

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything else: what a servicer raised is a fault of ours."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is None or kind.__name__ != "ExecuteBatchError":
            return True
        PEER_ERRORS.inc()
        method = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        self._seldom.note(method=str(method))
        return False
