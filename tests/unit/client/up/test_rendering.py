"""Logs of the trio, made readable."""

import io
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally.up import Output
from newstally.up.rendering import render

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def shown(line: str, name: str = "gateway") -> str:
    return render(name, line, now=NOW, colour=False)


def test_an_event_is_one_line_with_its_fields() -> None:
    """Time, service, event, fields; the level only when it is worth it."""
    event = {
        "port": 50051,
        "why": "two words",
        "event": "serving",
        "service": "gateway",
        "level": "info",
        "timestamp": "2026-01-02T12:00:01.5Z",
    }
    assert shown(json.dumps(event)) == '12:00:01 gateway     serving port=50051 why="two words"'
    warning = {**event, "level": "warning"}
    assert shown(json.dumps(warning)).startswith("12:00:01 gateway     WARNING serving")


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "{broken", "[1]", "{}", ""])
def test_what_is_no_event_passes_through(line: str) -> None:
    """Tracebacks and prints are shown as they are, with the service's name."""
    assert shown(line) == f"03:04:05 gateway     {line}"


def test_an_exception_is_shown_row_by_row() -> None:
    """Structured tracebacks become rows below the event."""
    frames = [{"filename": "a.py", "lineno": 3, "name": "f"}]
    stack = {"exc_type": "ValueError", "frames": frames}
    text = shown(json.dumps({"event": "failed", "level": "error", "exception": [stack]}))
    assert text.splitlines()[1:] == [
        "03:04:05 gateway       a.py:3 in f",
        "03:04:05 gateway       ValueError",
    ]


def test_nothing_drives_the_terminal() -> None:
    """Control characters of a log line do not reach the terminal."""
    assert "\x1b" not in shown("\x1b[2Jgone")
    assert "\x1b" not in shown(json.dumps({"event": "a", "field": "\x1b[2J"}))


@settings(deadline=None)  # the machine may be busy
@given(st.text() | st.dictionaries(st.text(), st.integers() | st.text()).map(json.dumps))
def test_any_line_can_be_shown(line: str) -> None:
    """No line a child can write makes the rendering fail."""
    assert shown(line).startswith(("03:04:05 gateway", "12:"))


def test_logs_go_on_when_nobody_reads() -> None:
    """A closed stderr drops lines; it stops nothing."""
    stream = io.StringIO()
    output = Output(stream, as_json=False, colour=False)
    output.event("one")
    stream.close()
    output.event("two")
    output.event("three")


def test_as_json_a_childs_line_is_passed_on_unchanged() -> None:
    """--log-format json leaves lines to the machine that reads them."""
    stream = io.StringIO()
    output = Output(stream, as_json=True, colour=False)
    output.line("gateway", '{"event":"serving","port":1}')
    output.event("stopping")
    first, second = stream.getvalue().splitlines()
    assert first == '{"event":"serving","port":1}'
    assert json.loads(second)["service"] == "up"
