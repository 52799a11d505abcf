"""Marks every test by the folder that it is in, so that a command can pick what it runs."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

TESTS = Path(__file__).resolve().parent
FOLDERS = {
    "simulation": [pytest.mark.simulation],
    # Likewise: each worker would check the previous release out for itself.
    "rollouts": [
        pytest.mark.rollouts,
        pytest.mark.processes,
        pytest.mark.xdist_group("rollouts"),
    ],
    "integration": [pytest.mark.processes],
    # One worker has them all, and with them the one browser.
    "browser": [
        pytest.mark.browser,
        pytest.mark.processes,
        pytest.mark.slow,
        pytest.mark.xdist_group("browser"),
    ],
    # One worker has them all, and with them the one emulator: two would fight for the memory.
    "integration/firestore": [pytest.mark.firestore, pytest.mark.xdist_group("firestore")],
}

# No deadline for an example, nor for drawing it: the machine may be busy, and then it says nothing
# about the code. The same examples each time: whoever changes something is told of that, and of
# nothing else. `make explore` draws others.
USUAL = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
settings.register_profile("usual", USUAL)
settings.register_profile("quick", USUAL, max_examples=20)
settings.register_profile("explore", USUAL, derandomize=False, print_blob=True)
settings.load_profile("usual")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Add the marks of each folder that a test is in."""
    for item in items:
        for folder, marks in FOLDERS.items():
            if item.path.is_relative_to(TESTS / folder):
                for mark in marks:
                    item.add_marker(mark)
