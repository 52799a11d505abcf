"""The log: one line per event, errors noted, and nothing of what an exception says."""

import json
import logging
from collections.abc import Iterator

import pytest
import structlog
from newstally_runtime.observing import logs
from newstally_runtime.observing.process import Process
from newstally_runtime.observing.release import Release

SECRET = "Angela Merkel met nobody"


@pytest.fixture
def process() -> Iterator[Process]:
    """A process whose log this is; the log of the tests comes back."""
    root = logging.getLogger()
    handlers, level, before = list(root.handlers), root.level, structlog.get_config()
    grpc_logger = logging.getLogger(logs.GRPC_LOGGER)
    filters = list(grpc_logger.filters)
    yield Process("gateway", Release("0.3.0", "0123456789ab"))
    root.handlers[:], grpc_logger.filters[:] = handlers, filters
    root.setLevel(level)
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def fail() -> None:
    article = SECRET
    raise KeyError(article)


def test_an_exception_is_logged_without_its_text(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    """Neither what it says nor the variables of its frames; types and places are there."""
    logs.configure(process)
    try:
        fail()
    except KeyError as error:
        structlog.get_logger().error("stream failed", upload_id="u", exc_info=error)
        logging.getLogger("asyncio").exception(
            "Task exception was never retrieved\nfuture: <%s>", SECRET, exc_info=error
        )
    printed = capsys.readouterr().err
    assert SECRET not in printed
    ours, theirs = map(json.loads, printed.splitlines())
    for line in (ours, theirs):
        (found,) = line["exception"]
        assert found["exc_type"] == "KeyError"
        assert found["frames"][-1]["name"] == "fail"
        assert line["release"] == "0.3.0+0123456789ab"
    assert theirs["event"] == "Task exception was never retrieved"
    assert {group.event for group in process.errors.groups()} == {"stream failed", "asyncio"}


def test_errors_are_noted_and_warnings_are_not(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    """But for warnings that come with an exception."""
    logs.configure(process, log_format="console")
    log = structlog.get_logger()
    log.info("fine")
    log.warning("call broke")
    log.error("sink failed", error="away")
    log.error("sink failed", error="away again")
    try:
        fail()
    except KeyError:
        log.warning("odd", exc_info=True)
    printed = capsys.readouterr().err
    assert SECRET not in printed
    assert "test_logs.py" in printed
    assert [(group.event, group.count) for group in process.errors.groups()] == [
        ("odd", 1),
        ("sink failed", 2),
    ]


def test_lines_and_errors_carry_the_trace_that_is_bound(
    process: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of other libraries as well; what is said with the line goes before it."""
    logs.configure(process)
    structlog.contextvars.bind_contextvars(trace_id="a" * 32, span_id="b" * 16)
    structlog.get_logger().error("stream failed")
    logging.getLogger("asyncio").error("odd")
    structlog.get_logger().info("told elsewhere", trace_id="c" * 32)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["trace_id"][0] for line in lines] == ["a", "a", "c"]
    assert {line["span_id"] for line in lines} == {"b" * 16}
    assert {group.trace_id for group in process.errors.groups()} == {"a" * 32}
    assert {each.trace_id for each in process.status(0.0).errors} == {"a" * 32}
