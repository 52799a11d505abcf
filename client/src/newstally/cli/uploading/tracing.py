"""The trace of a run of `newstally upload`, where the environment asks for one."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version

import typer
from newstally_protos.tracing import names
from newstally_protos.tracing.opening import END_SECONDS, TracesError, open_traces

from newstally.cli.uploading.voice import IDS, Voice
from newstally.client.tracing import OWN, parent_of
from newstally.errors import InputError


@contextmanager
def traced(voice: Voice) -> Iterator[None]:
    """Have what is done in the `with` be one trace, and send it. Raises InputError."""
    troubles: list[str] = []
    try:
        traces = open_traces(
            "newstally-client", version("newstally"), secrets.token_hex(8), troubles.append
        )
    except TracesError as error:
        raise InputError(str(error)) from error
    span = traces.begin(names.COMMAND, parent_of(os.environ))
    IDS.set(span.ids)
    if traces.on:
        OWN.set(traces)
        voice.note(f"trace {span.ids['trace_id']}")
    try:
        with span.current():
            yield
    except typer.Exit as end:
        span.end(f"exit code {end.exit_code}" if end.exit_code else "")
        raise
    finally:
        span.end()
        traces.end(END_SECONDS)
        if troubles:
            voice.note(f"note: the trace did not arrive ({troubles[0]}); the upload is not touched")
