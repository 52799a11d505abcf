"""The real Firestore emulator, one per test run.

It is found through FIRESTORE_EMULATOR (its start script), or beside the `gcloud` on the PATH. A
supervisor process (`supervisor.py`) holds it and ends it, its whole process group, as
soon as the pipe to the test run is closed, also by `kill -9`.
"""

import atexit
import functools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import grpc
from support import ports

VARIABLE = "FIRESTORE_EMULATOR"
INSTALL = "gcloud components install cloud-firestore-emulator  (it needs Java 11 or newer)"
START_SECONDS = 240.0
_RELATIVE = Path("platform/cloud-firestore-emulator/cloud_firestore_emulator")


def missing() -> str | None:
    """Return why the emulator cannot be started here, with the command that mends it."""
    if _script() is None:
        return f"the Firestore emulator is not installed: {INSTALL}"
    if shutil.which("java") is None:
        return f"no `java` on the PATH for the Firestore emulator: {INSTALL}"
    return None


@functools.cache
def running() -> str:
    """Start it on the first call; return its host:port. It ends with this process."""
    script = _script()
    assert script is not None
    port = ports.free()
    supervisor = subprocess.Popen(
        [
            *(sys.executable, str(Path(__file__).with_name("supervisor.py"))),
            *(str(script), "start", "--host=127.0.0.1", f"--port={port}"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert supervisor.stdin is not None
    atexit.register(supervisor.wait)
    atexit.register(supervisor.stdin.close)
    address = f"127.0.0.1:{port}"
    deadline = time.monotonic() + START_SECONDS
    with grpc.insecure_channel(address) as channel:
        while True:
            assert supervisor.poll() is None, "the Firestore emulator ended at once"
            try:
                grpc.channel_ready_future(channel).result(timeout=1)
            except grpc.FutureTimeoutError:
                assert time.monotonic() < deadline, "the Firestore emulator does not start"
            else:
                return address


def _script() -> Path | None:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named) if Path(named).exists() else None
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    script = Path(gcloud).resolve().parent.parent / _RELATIVE
    return script if script.exists() else None
