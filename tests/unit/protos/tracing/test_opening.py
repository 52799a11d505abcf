"""Traces are off unless asked for; asked for, they are sent or the process says why not."""

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator

import pytest
from newstally_protos.tracing.opening import TracesError, are_wanted, open_traces
from newstally_protos.tracing.spans import OFF

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"}


@pytest.fixture(autouse=True)
def sdk_logger() -> Iterator[None]:
    logger = logging.getLogger("opentelemetry")
    before = logger.propagate, list(logger.handlers)
    yield
    logger.propagate, logger.handlers[:] = before


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (ENDPOINT, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317"}, True),
        ({**ENDPOINT, "OTEL_SDK_DISABLED": "True"}, False),
        ({**ENDPOINT, "OTEL_TRACES_EXPORTER": "none"}, False),
        ({"OTEL_SERVICE_NAME": "x"}, False),
    ],
)
def test_when_traces_are_wanted(environment: dict[str, str], wanted: bool) -> None:
    """A collector is named, and nothing says that it shall hear nothing."""
    assert are_wanted(environment) is wanted


@pytest.mark.slow
def test_unset_imports_nothing() -> None:
    """In a fresh process, with all that services and the client's command line import."""
    code = textwrap.dedent("""
        import sys
        import newstally.cli, newstally_gateway.app
        import newstally_extractor.app, newstally_persister.app
        from newstally_protos.tracing.opening import open_traces
        from newstally_protos.tracing.spans import OFF
        assert open_traces("gateway", "1", "i", print) is OFF
        assert not [name for name in sys.modules if name.startswith("opentelemetry")]
    """)
    subprocess.run([sys.executable, "-c", code], check=True, env={"PATH": ""}, timeout=120)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to install."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    monkeypatch.delitem(sys.modules, "newstally_protos.tracing.exporting", raising=False)
    with pytest.raises(TracesError, match=r"opentelemetry.sdk.trace.* install opentelemetry-sdk"):
        open_traces("gateway", "1", "i", print)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "lzma"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "-1"),
    ],
)
def test_variables_that_cannot_be_are_told(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, at start."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv(name, value)
    with pytest.raises(TracesError, match="OTEL_"):
        open_traces("gateway", "1", "i", print)


def test_off_is_nothing() -> None:
    """Nothing is recorded, and what belongs to another trace goes on belonging to it."""
    span = OFF.begin("upload", offset=1)
    assert (span.recorded, span.traceparent, span.ids, OFF.on) == (False, None, {}, False)
    span.note(offset=2)
    span.end("UNAVAILABLE")
    OFF.end(1.0)
