"""SIGTERM before a service serves."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

MAINS = {
    "newstally_gateway": [],
    "newstally_extractor": [],
    "newstally_persister": ["--data-dir", "data"],
}
RUN = """
import runpy, signal, sys
own = signal.signal
def tell(number, handler):
    result = own(number, handler)
    if number == signal.SIGINT:
        print("ready", flush=True)
        signal.pause()
    return result
signal.signal = tell
module, *sys.argv[1:] = sys.argv[1:]
runpy.run_module(module, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize("module", MAINS)
def test_a_service_that_is_starting_ends_at_once(module: str, tmp_path: Path) -> None:
    """It has a handler from its first line on: PID 1 of a container ignores SIGTERM without one."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUN, module, *MAINS[module]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.communicate()
