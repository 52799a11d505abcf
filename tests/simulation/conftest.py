"""Says how many seeds were run, and how fast."""

import pytest

_RAN = pytest.StashKey[list[float]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RAN] = [0.0, 0.0]


def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> None:
    """Add a test's seeds up; with several processes, in the one that reports."""
    seeds = dict(report.user_properties).get("seeds")
    if seeds is not None and report.when == "call":
        config.stash[_RAN][0] += float(str(seeds))
        config.stash[_RAN][1] += report.duration


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    seeds, seconds = config.stash[_RAN]
    if seconds:
        terminalreporter.write_line(
            f"simulation: {seeds:.0f} seeds, {seeds / seconds:.0f} seeds/s per process"
        )
