"""Deadlines: of the end of a process, also where a thread hangs; and a clock for all others."""

import faulthandler
import os
import sys
import threading
import time

_CLOCK: int | None = getattr(time, "CLOCK_BOOTTIME", None)


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


def steady() -> float:
    """Return seconds that only grow, also while the machine sleeps where it can tell."""
    return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)
