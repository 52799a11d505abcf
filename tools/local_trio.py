"""Runs `newstally up` for the commands of this repository, and stops it again."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 120
STOP_SECONDS = 60


@contextmanager
def trio(data: Path, flags: Sequence[str] = (), log: Path | None = None) -> Iterator[str]:
    """Start the trio on free ports; give the gateway's host:port; stop it on leaving.

    The services' logs go to `log`, or to this process' stderr. Raises RuntimeError when it does not
    get ready, or does not stop cleanly.
    """
    command = [sys.executable, "-m", "newstally", "up", "--data", str(data), "--port", "0", *flags]
    with (log or Path(os.devnull)).open("ab") as sink:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=sink if log else None, text=True
        )
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            match = re.search(r"gateway ([\w.:\[\]-]+:\d+)", line)
            if match is None:
                raise RuntimeError(f"newstally up did not get ready: {line!r}")
            yield match[1]
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                code = process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            finally:
                assert process.stdout is not None
                process.stdout.close()
        if code:
            raise RuntimeError(f"newstally up ended with exit code {code}")


def newstally(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line tool; its stdout is kept, its stderr shown."""
    return subprocess.run(
        [sys.executable, "-m", "newstally", *arguments],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
