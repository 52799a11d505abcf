"""Docker's command line, as far as the tests need it."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# Where two clients are installed, the distribution's fits its daemon.
DOCKER = os.environ.get("DOCKER") or next(
    (path for path in ("/usr/bin/docker", shutil.which("docker")) if path and os.path.exists(path)),
    None,
)


RUN = os.environ.get("NEWSTALLY_IMAGES_RUN", "")
"""Names this run of `make images-test`, which removes whatever is left with the label."""
LABEL = f"newstally.run={RUN}"


def docker(*arguments: str, check: bool = True) -> str:
    """Run a command and return its output. Raises AssertionError with what it said."""
    assert DOCKER is not None
    done = subprocess.run([DOCKER, *arguments], capture_output=True, text=True, check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {' '.join(arguments)}: {done.stderr}{done.stdout}")
    return done.stdout.strip()


def inspect(name: str) -> dict[str, Any]:
    """Return what Docker knows about a container or an image."""
    (found,) = json.loads(docker("inspect", name))
    assert isinstance(found, dict)
    return found


@dataclass
class Container:
    """A container as a pod would run it: not root, read-only, no capabilities, limited memory."""

    name: str
    image: str
    network: str
    alias: str
    memory_bytes: int
    cpus: float
    environment: Mapping[str, str] = field(default_factory=dict)
    mounts: Sequence[str] = ()
    scratch: bool = False
    publish: int | None = None
    arguments: Sequence[str] = ()

    def start(self) -> None:
        """Start it; it is started again whenever it ends by itself, as in a cluster."""
        flags = [
            *(
                "--name",
                self.name,
                "--label",
                LABEL,
                "--network",
                self.network,
                "--network-alias",
                self.alias,
            ),
            *("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--memory", str(self.memory_bytes), "--memory-swap", str(self.memory_bytes)),
            *("--cpus", str(self.cpus), "--restart", "always"),
        ]
        for variable, value in self.environment.items():
            flags += ["--env", f"{variable}={value}"]
        for mount in self.mounts:
            flags += ["--mount", mount]
        if self.scratch:
            flags += ["--tmpfs", "/tmp:mode=1777"]
        if self.publish is not None:
            flags += ["--publish", f"127.0.0.1::{self.publish}"]
        docker("run", "--detach", *flags, self.image, *self.arguments)

    @property
    def address(self) -> str:
        """Where the published port is reached."""
        return docker("port", self.name, f"{self.publish}/tcp").splitlines()[0]

    @property
    def state(self) -> dict[str, Any]:
        """Docker's view of the container's process."""
        state = inspect(self.name)["State"]
        assert isinstance(state, dict)
        return state

    @property
    def is_healthy(self) -> bool:
        """Whether its own health check succeeds."""
        return bool(self.state["Health"]["Status"] == "healthy")

    @property
    def restarts(self) -> int:
        """How often it was started again."""
        return int(inspect(self.name)["RestartCount"])

    @property
    def logs(self) -> str:
        """What it wrote."""
        assert DOCKER is not None
        done = subprocess.run(
            [DOCKER, "logs", self.name], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def get(self, path: str, port: int) -> tuple[int, str]:
        """Ask its admin port, from inside: status (0: nobody answers) and body."""
        program = (
            "import sys, urllib.request as r, urllib.error as e\n"
            f"try: a = r.urlopen('http://127.0.0.1:{port}{path}', timeout=5)\n"
            "except e.HTTPError as error: a = error\n"
            "print(a.status); sys.stdout.write(a.read().decode())"
        )
        answer = docker("exec", self.name, "python", "-c", program, check=False)
        status, _, body = answer.partition("\n")
        return (int(status), body) if status.isdigit() else (0, answer)

    def is_ready(self, port: int) -> bool:
        """Return whether a readiness probe would succeed."""
        return self.get("/readyz", port)[0] == 200

    def stop(self, seconds: int) -> tuple[int, float]:
        """`docker stop`: return the exit code, and how many seconds it took."""
        began = time.monotonic()
        docker("stop", "--time", str(seconds), self.name)
        return int(self.state["ExitCode"]), time.monotonic() - began

    def remove(self) -> None:
        """Remove it, running or not."""
        docker("rm", "--force", "--volumes", self.name, check=False)
