"""A service ends in time, whatever hangs."""

import os
import signal
import subprocess
import sys

HANGS = """
import asyncio, time
from newstally_runtime import service
from newstally_runtime.admin import Readiness
from newstally_runtime.settings import ServiceSettings

class Hangs:
    def register(self, server): return []
    async def start(self): pass
    def readiness(self): return Readiness(True, {})
    async def drain(self, seconds): print("draining", flush=True)
    async def close(self): await asyncio.to_thread(hung_disk)

def hung_disk(): time.sleep(1000)

service.CLOSE_SECONDS = 0.5
settings = ServiceSettings(port=0, admin_port=0, host="127.0.0.1", admin_host="127.0.0.1")
service.run("hangs", settings, lambda lifecycle: Hangs())
"""


def test_a_thread_that_hangs() -> None:
    """It ends after the time that closing has, exit code 1, and shows where it hangs."""
    with subprocess.Popen(
        [sys.executable, "-c", HANGS], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "serving" not in process.stderr.readline():
            assert process.poll() is None
        os.kill(process.pid, signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert out == "draining\n"
    assert "still not ended after 0.5 s" in err
    assert "hung_disk" in err
