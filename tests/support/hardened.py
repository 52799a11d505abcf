"""Runs a service as its unit does: no memory becomes executable after it was writable.

`python -m support.hardened FLAG...` runs the module that HARDENED_MODULE names. Linux 6.3 or newer.
"""

import ctypes
import os
import runpy
import sys

PR_SET_MDWE = 65
REFUSE_EXEC_GAIN = 1


def refuse_executable_writes() -> bool:
    """Let the kernel refuse it to this process from now on; return whether it does."""
    failed: int = ctypes.CDLL(None).prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0)
    return failed == 0


if __name__ == "__main__":
    if not refuse_executable_writes():
        sys.exit("the kernel does not know PR_SET_MDWE")
    if sys.argv[1:] != ["--probe"]:
        runpy.run_module(os.environ["HARDENED_MODULE"], run_name="__main__", alter_sys=True)
