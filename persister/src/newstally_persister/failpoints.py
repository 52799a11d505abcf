"""Steps of a flush at which tests let the process die. In use nothing is set or happens."""

import os
import signal
from collections import Counter

VARIABLE = "NEWSTALLY_FAIL_POINT"
"""`STEP` or `STEP:N`: the process kills itself, as `kill -9` does, when it comes to the step for
the first, or the Nth, time."""

_reached: Counter[str] = Counter()


def reach(step: str) -> None:
    """Die here, if this is the step."""
    wanted = os.environ.get(VARIABLE)
    if not wanted:
        return
    name, _, number = wanted.partition(":")
    _reached[step] += 1
    if name == step and _reached[step] == int(number or 1):
        os.kill(os.getpid(), signal.SIGKILL)
