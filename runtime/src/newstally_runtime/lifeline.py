"""A process that was launched with a lifeline does not outlive its launcher.

The launcher keeps the writing end of a pipe and hands the reading end down, its number in
NEWSTALLY_LIFELINE_FD. However the launcher ends, `kill -9` included, the kernel closes the pipe;
the reader then ends its own process. (PR_SET_PDEATHSIG would be simpler, but it is Linux only and
fires when the launching *thread* ends.)
"""

import os
import signal
import threading
import time

VARIABLE = "NEWSTALLY_LIFELINE_FD"


def watch(drain_seconds: float) -> None:
    """Start watching the lifeline, if there is one.

    When it is cut: SIGTERM to this process, and after `drain_seconds` plus two, exit code 1.
    """
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return
    threading.Thread(
        target=_wait, args=(int(number), drain_seconds + 2.0), name="lifeline", daemon=True
    ).start()


def _wait(descriptor: int, patience_seconds: float) -> None:
    while True:
        try:
            if os.read(descriptor, 1) == b"":
                break
        except InterruptedError:
            continue
        except OSError:
            break
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(patience_seconds)
    os._exit(1)
