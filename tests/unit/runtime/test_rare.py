"""A log line for what peers can cause as often as they like."""

from newstally_runtime.rare import Rarely
from structlog.testing import capture_logs


def test_a_flood_is_a_line_now_and_then_that_says_how_many() -> None:
    """The first is told at once, the others with the next line; nobody is left out."""
    now = 0.0
    rarely = Rarely("call rejected", clock=lambda: now, every_seconds=10.0)
    with capture_logs() as logs:
        for step in range(100):
            now = step / 4
            rarely.note(step=step)
    assert [(line["step"], line["times"]) for line in logs] == [(0, 1), (40, 40), (80, 40)]
    assert {line["event"] for line in logs} == {"call rejected"}
    assert {line["log_level"] for line in logs} == {"warning"}
