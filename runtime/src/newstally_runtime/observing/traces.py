"""The traces of a service: opened as the environment says, and what goes wrong with them logged."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from newstally_protos.tracing.opening import END_SECONDS, TracesError, open_traces
from newstally_protos.tracing.spans import Traces

from newstally_runtime.observing.process import Process
from newstally_runtime.rare import Rarely

TROUBLE_SECONDS = 300.0
"""How often is said that spans do not arrive, while they do not."""

log = structlog.get_logger()


@contextmanager
def opened(process: Process) -> Iterator[Traces]:
    """Give where spans of the process begin, and send the last ones after it, within a bound.

    Ends the process, exit code 2, where traces are asked for and cannot be.
    """
    seldom = Rarely("traces do not arrive", every_seconds=TROUBLE_SECONDS)
    try:
        traces = open_traces(
            f"newstally-{process.service}",
            str(process.release),
            process.instance_id,
            lambda reason: seldom.note(
                reason=reason, remedy="see the OTEL_ variables; nothing but traces is lost"
            ),
        )
    except TracesError as error:
        log.error("cannot start", reason=str(error))  # noqa: TRY400 - no traceback wanted
        sys.exit(2)
    try:
        yield traces
    finally:
        traces.end(END_SECONDS)
