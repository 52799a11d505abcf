"""Real service processes for tests: start, find the port, kill, start again on the same port.

Every process holds a lifeline, so nothing survives the test run, however that ends.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from support import ports

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 120.0
"""A process that has not said `serving` by then has failed (loading a model takes seconds)."""
PATIENCE_SECONDS = 60.0
"""What has not come by then does not come, however busy the machine is."""


class Process:
    """One service process that can die and come back."""

    def __init__(
        self,
        module: str,
        arguments: Sequence[str],
        log_path: Path,
        environment: Mapping[str, str] | None = None,
        prefix: Sequence[str] = (),
    ) -> None:
        """Prepare `python -m module arguments`; its log goes to `log_path`.

        `prefix`: a command that runs the command behind it.
        """
        self.prefix = list(prefix)
        self.module = module
        self.arguments = list(arguments)
        self.log_path = log_path
        self.environment = dict(environment or {})
        self.port = 0
        self.admin_port = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: int | None = None
        self._reader: threading.Thread | None = None
        self._serving = threading.Event()
        self.lines: list[dict[str, Any]] = []

    @property
    def address(self) -> str:
        """host:port of the gRPC port."""
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The running process."""
        assert self._process is not None
        return self._process.pid

    def launch(self) -> None:
        """Start it without waiting for it."""
        assert self._process is None
        self._serving.clear()
        self.port = self.port or ports.free()
        self.admin_port = self.admin_port or ports.free()
        reading, writing = os.pipe()
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(
                [str(REPOSITORY / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            "NEWSTALLY_LIFELINE_FD": str(reading),
            **self.environment,
        }
        self._process = subprocess.Popen(
            [
                *(*self.prefix, sys.executable, "-m", self.module),
                *("--port", str(self.port), "--admin-port", str(self.admin_port)),
                *self.arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=[reading],
            env=environment,
            start_new_session=True,
        )
        os.close(reading)
        self._lifeline = writing
        self._reader = threading.Thread(target=self._read, args=(self._process,))
        self._reader.start()

    def start(self) -> Self:
        """Start it and wait until it serves. A second start takes the same ports."""
        self.launch()
        self.wait_serving()
        return self

    def wait_serving(self) -> None:
        """Return once it serves; fail with its log when it ended or took too long."""
        assert self._process is not None
        deadline = time.monotonic() + START_SECONDS
        while not self._serving.wait(0.05):
            ended = self._process.poll() is not None
            if ended and self._reader is not None:
                self._reader.join()
                if self._serving.is_set():  # it said so, and ended before this thread looked
                    return
            if ended or time.monotonic() > deadline:
                message = f"{self.module} does not serve:\n{self.log_path.read_text()[-4000:]}"
                self.kill()
                raise AssertionError(message)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        if self._process is not None:
            self._process.kill()
            self._gone()

    def terminate(self, seconds: float = PATIENCE_SECONDS) -> int:
        """SIGTERM; return the exit code. Fails when it is not gone after `seconds`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._ended_within(seconds)

    def wait_exit(self, seconds: float = START_SECONDS) -> int:
        """Wait until it ends by itself; return the exit code. Fails when that takes longer."""
        assert self._process is not None
        return self._ended_within(seconds)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    @property
    def serving(self) -> bool:
        """Whether it runs, and has said that it serves."""
        return self.running and self._serving.is_set()

    def events(self, event: str) -> list[dict[str, Any]]:
        """Return the log lines with this event so far."""
        return [line for line in list(self.lines) if line.get("event") == event]

    def admin(self, path: str) -> str:
        """Return what the admin port answers, whatever the status."""
        opener = urllib.request.build_opener(_AnyStatus())
        with opener.open(f"http://127.0.0.1:{self.admin_port}{path}", timeout=30) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry these labels; 0 if there is none."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        total = 0.0
        for line in self.admin("/metrics").splitlines():
            sample, _, value = line.rpartition(" ")
            if sample.partition("{")[0] == name and all(label in sample for label in wanted):
                total += float(value)
        return total

    def __enter__(self) -> Self:
        return self if self._process is not None else self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.kill()

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stderr is not None
        with process.stderr, self.log_path.open("ab") as log:
            for raw in process.stderr:
                log.write(raw)
                log.flush()
                try:
                    line = json.loads(raw)
                except ValueError:
                    continue
                if isinstance(line, dict):
                    self.lines.append(line)
                    if line.get("event") == "serving":
                        self.port, self.admin_port = line["port"], line["admin_port"]
                        self._serving.set()

    def _ended_within(self, seconds: float) -> int:
        assert self._process is not None
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        return self._gone()

    def _gone(self) -> int:
        assert self._process is not None
        code = self._process.wait(PATIENCE_SECONDS)
        if self._reader is not None:
            self._reader.join()
        if self._lifeline is not None:
            os.close(self._lifeline)
        self._process = self._lifeline = self._reader = None
        return code


class _AnyStatus(urllib.request.HTTPErrorProcessor):
    def http_response(self, request: Any, response: Any) -> Any:
        return response

    https_response = http_response


def eventually(
    condition: Callable[[], object], seconds: float = PATIENCE_SECONDS, what: str = ""
) -> None:
    """Poll until the condition holds; fail when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what or condition}")
        time.sleep(0.02)


def alive(pid: int) -> bool:
    """Return whether it runs; one that is dead and not yet waited for does not."""
    # One that ends between the opening and the reading is looked up in vain.
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
