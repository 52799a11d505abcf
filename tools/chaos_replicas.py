"""The extractors of `make chaos`: some are listed under a name, as in a headless Service."""

import random
import shutil
import socket
import subprocess
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from support.processes import Process

NAME = "extractors.chaos"
MOST = 4
FIRST = 2
"""How many are listed at first."""
LOOKUP_SECONDS = 0.5


class Replicas:
    """Adds replicas and takes them away, while the gateway looks the name up again and again.

    All listen on one port, each on a loopback address of its own. The name stands in a file that
    the gateway sees in the place of /etc/hosts.
    """

    def __init__(self, processes: Sequence[Process], hosts: Path, dice: random.Random) -> None:
        """`processes` are extractors that have not been started; `hosts` is where to list them."""
        self.listed: list[Process] = list(processes[:FIRST])
        self.changes: Counter[str] = Counter()
        self._spare = list(processes[FIRST:])
        self._hosts = hosts
        self._dice = dice
        self._host = {each: f"127.0.77.{n}" for n, each in enumerate(processes, 1)}
        self._port = free_port(self._host[processes[0]])
        for process, host in self._host.items():
            process.arguments += ["--host", host]
            process.port = self._port
        self._list()

    @property
    def target(self) -> str:
        """What the gateway is to look up."""
        return f"dns:///{NAME}:{self._port}"

    @property
    def prefix(self) -> list[str]:
        """What runs a command that sees the name."""
        over = 'mount --bind "$0" /etc/hosts && exec "$@"'
        return ["unshare", "--mount", "sh", "-c", over, str(self._hosts)]

    def change(self) -> None:
        """List one more, or take one away: at the same moment it is told to end, and drains."""
        if self._spare and (len(self.listed) == 1 or self._dice.random() < 0.5):
            process = self._spare.pop(self._dice.randrange(len(self._spare)))
            process.launch()
            self.listed.append(process)
            self._list()
            self.changes["added"] += 1
            return
        process = self.listed.pop(self._dice.randrange(len(self.listed)))
        self._spare.append(process)
        self._list()
        drain(process)
        self.changes["taken away"] += 1

    def _list(self) -> None:
        lines = [f"{self._host[process]} {NAME}\n" for process in self.listed]
        self._hosts.write_text("".join(["127.0.0.1 localhost\n", *lines]))


def drain(process: Process) -> None:
    """Tell a process to end, as every orchestrator does. Raises RuntimeError if it ends badly."""
    if not process.serving:
        process.kill()
    elif code := process.terminate():
        raise RuntimeError(f"{process.module} ended with {code} on SIGTERM")


def free_port(host: str) -> int:
    """Return a port that nobody uses on that address."""
    with socket.create_server((host, 0)) as server:
        return int(server.getsockname()[1])


def can_be_listed() -> bool:
    """Say, aloud if not, whether a process here may see a /etc/hosts of its own."""
    command = ["unshare", "--mount", "mount", "--bind", "/etc/hosts", "/etc/hosts"]
    if shutil.which("unshare") is None or subprocess.run(command, check=False).returncode:
        print("no scale changes: a process cannot have a name service of its own", flush=True)
        return False
    return True
