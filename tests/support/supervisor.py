"""Runs a command until stdin is closed, then kills it with all that it started.

Whoever holds the other end of stdin may end in any way: the kernel closes the pipe.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys

LOOK_SECONDS = 0.5
"""How often to look whether the command ended by itself."""


def main() -> None:
    """Run the command in the arguments."""
    process = subprocess.Popen(
        sys.argv[1:],
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        while process.poll() is None:
            readable, _, _ = select.select([sys.stdin], [], [], LOOK_SECONDS)
            if readable and not os.read(sys.stdin.fileno(), 1024):
                return
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


if __name__ == "__main__":
    main()
