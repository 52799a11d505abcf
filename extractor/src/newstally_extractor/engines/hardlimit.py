"""The hard time limit: a batch that takes too long ends the process."""

import faulthandler
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hard_limit(seconds: float) -> Iterator[None]:
    """End the process with exit code 1 if the block takes longer, and print where it was.

    A watchdog thread in C that needs no GIL: it fires whatever the engine is doing. There is one
    per process, so blocks must not overlap.
    """
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
