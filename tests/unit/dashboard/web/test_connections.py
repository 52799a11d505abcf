"""What is logged of connections."""

import logging

from newstally_dashboard.web.connections import LOGGER, BadRequests
from structlog.testing import capture_logs


def record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord(LOGGER, level, "", 0, text, None, None)


def test_what_readers_cause_is_told_once_and_errors_each_time() -> None:
    """Errors are ours; a reader can cause thousands of warnings in a second."""
    bad = BadRequests()
    with capture_logs() as lines:
        for _ in range(1000):
            assert not bad.filter(record(logging.WARNING, "Invalid HTTP request received."))
            assert bad.filter(record(logging.ERROR, "Exception in ASGI application\n"))
    assert [line["reason"] for line in lines] == ["Invalid HTTP request received."]
