"""The emulator of the tests: it ends with them, and where it is missing they say so."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import firestore_emulator
from support.processes import REPOSITORY, alive, eventually

SUPERVISOR = REPOSITORY / "tests/support/supervisor.py"
LAUNCHER = """
import subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, start_new_session=True)
process.wait()
"""


def test_what_the_supervisor_runs_ends_with_its_launcher(tmp_path: Path) -> None:
    """kill -9 of the test run ends the emulator, and what that started."""
    pids = tmp_path / "pids"
    command = f"sleep 600 & echo $$ $! > {pids}.new; mv {pids}.new {pids}; wait"
    launcher = subprocess.Popen(
        [*(sys.executable, "-c", LAUNCHER, sys.executable), str(SUPERVISOR), "sh", "-c", command]
    )
    try:
        eventually(pids.exists)
        started = [int(pid) for pid in pids.read_text().split()]
        assert all(map(alive, started))
        launcher.send_signal(signal.SIGKILL)
        launcher.wait()
        eventually(lambda: not any(map(alive, started)))
    finally:
        launcher.kill()
        launcher.wait()


@pytest.mark.parametrize(("ci", "outcome"), [("", "1 skipped"), ("true", "1 error")])
def test_without_the_emulator(ci: str, outcome: str) -> None:
    """Skipped, with the command that installs it; in CI its absence is a failure."""
    test = "tests/integration/firestore/test_store.py::test_pages_are_cut_by_bytes"
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test],
        cwd=REPOSITORY,
        env={**os.environ, "CI": ci, firestore_emulator.VARIABLE: "/nowhere"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert outcome in found.stdout
    assert "gcloud components install cloud-firestore-emulator" in found.stdout
    assert (found.returncode != 0) == bool(ci)
