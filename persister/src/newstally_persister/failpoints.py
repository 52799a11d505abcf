"""Steps at which tests let the process die. In use nothing is set, and nothing happens."""

import os
import signal

VARIABLE = "NEWSTALLY_FAIL_POINT"
"""Names the step at which the process kills itself, as `kill -9` does."""


def reach(step: str) -> None:
    """Die here, if this is the step."""
    if os.environ.get(VARIABLE) == step:
        os.kill(os.getpid(), signal.SIGKILL)
