"""Structured logs: one line per event, never one per article, and never an article's text.

So of an exception its type and frames are logged, and not what it says, nor what its variables
were: that may be anything.
"""

import logging
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from prometheus_client import Counter
from structlog.typing import EventDict, Processor

from newstally_runtime.observing.process import Process
from newstally_runtime.observing.tracebacks import Raised, raised
from newstally_runtime.rare import Rarely

GRPC_LOGGER = "grpc._cython.cygrpc"
PEER_ERRORS = Counter(
    "newstally_peer_errors_total", "Calls that broke in gRPC, as when a peer breaks its protocol."
)
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def configure(process: Process, level: str = "info", log_format: str = "json") -> None:
    """Send structlog's and the standard library's records to stderr as JSON or for people.

    Every line carries `service`, `release`, a time stamp in UTC, and the level. Errors are noted in
    the process.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        Exceptions(process),
    ]
    tail: list[Processor] = (
        [structlog.processors.JSONRenderer()]
        if log_format == "json"
        else [_as_text, structlog.dev.ConsoleRenderer(colors=False)]
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
    structlog.contextvars.bind_contextvars(service=process.service, release=str(process.release))


class Exceptions:
    """Tells where exceptions were raised, and notes errors."""

    def __init__(self, process: Process) -> None:
        self._errors = process.errors

    def __call__(self, _logger: Any, method: str, event: EventDict) -> EventDict:
        """Put the frames into the line; note what is an error."""
        error = _exception(event.pop("exc_info", None))
        found = raised(error) if error is not None else []
        foreign: logging.LogRecord | None = event.get("_record")
        if found:
            event["exception"] = _as_json(found)
            if foreign is not None:
                # asyncio's go on with the exception itself, whose text may be anything.
                event["event"] = str(event["event"]).partition("\n")[0]
        if found or LEVELS.get(method, LEVELS["error"]) >= LEVELS["error"]:
            what = str(event["event"]) if foreign is None else foreign.name
            self._errors.note(what, found, str(event.get("trace_id", "")))
        return event


def _exception(info: Any) -> BaseException | None:
    match info:
        case BaseException():
            return info
        case (_, BaseException() as error, _):
            return error
        case True:
            return sys.exc_info()[1]
        case _:
            return None


def _as_json(found: Sequence[Raised]) -> list[dict[str, Any]]:
    return [
        {
            "exc_type": each.kind,
            "frames": [
                {"filename": frame.file, "lineno": frame.line, "name": frame.function}
                for frame in each.frames
            ],
        }
        for each in found
    ]


def _as_text(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Write the frames as people are used to."""
    if isinstance(found := event.get("exception"), list):
        lines = []
        for each in found:
            lines.append(each["exc_type"])
            lines += [f"  {at['filename']}:{at['lineno']} {at['name']}" for at in each["frames"]]
        event["exception"] = "\n".join(lines)
    return event


class PeerErrors(logging.Filter):
    """Counts what grpc.aio logs with a traceback for what a peer does, and seldom lets on.

    That is a call that breaks off, and a header that is no text, which it would write whole.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Rarely("call broke in gRPC")

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything else: what a servicer raised is a fault of ours."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is None:
            return True
        # No method of ours has such a name: gRPC could not read a path.
        unread = kind is UnicodeDecodeError and not record.getMessage().isascii()
        if unread or str(record.msg).startswith("Invalid encoding on"):
            PEER_ERRORS.inc()
            self._seldom.note(reason="a header is no UTF-8")
            return False
        if kind.__name__ != "ExecuteBatchError":
            return True
        PEER_ERRORS.inc()
        method = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        self._seldom.note(method=str(method))
        return False
