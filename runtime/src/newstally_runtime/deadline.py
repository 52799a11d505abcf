"""The end of a process has a deadline, also where a thread hangs, as on a disk that is gone."""

import faulthandler
import os
import sys
import threading
import time


def end_within(seconds: float) -> None:
    """Let the process end by itself for so long; then print where it is and end it, exit code 1.

    Python joins all threads at its end, and a thread that waits for the system cannot be stopped.
    """
    threading.Thread(target=_wait, args=(seconds,), name="deadline", daemon=True).start()


def _wait(seconds: float) -> None:
    time.sleep(seconds)
    stderr = sys.__stderr__
    if stderr is not None:
        print(f"still not ended after {seconds:g} s: ends now", file=stderr)
        faulthandler.dump_traceback(file=stderr)
    os._exit(1)
