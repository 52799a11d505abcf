"""One child process, kept alive.

starting ──serving──▶ running ──exits──▶ waiting (backoff) ──▶ starting (same ports)
│ exits with code 2; or before it ever served, with a port in use or too often
└──▶ StartFailed
"""

import asyncio
import contextlib
import os
import signal
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from newstally_protos.backoff import Backoff

from newstally.up.flags import as_typed
from newstally.up.output import Output
from newstally.up.rendering import parse
from newstally.up.services import ServiceSpec

LIFELINE_VARIABLE = "NEWSTALLY_LIFELINE_FD"
"""Names the descriptor whose end of file tells a service that its launcher is gone."""
EXIT_CONFIGURATION = 2
FIRST_START_TRIES = 6
"""A service that never served is given up after so many starts; one that has, only for what it says
that another start does not mend."""
HEALTHY_SECONDS = 30.0
"""A child that served for so long begins again with the first delay when it dies."""
KILL_AFTER_SECONDS = 4.0
"""Beyond the drain time."""
LAST_OUTPUT_SECONDS = 5.0
"""What a dead child wrote is read for so long; its `serving` line must not be missed."""
_LONGEST_LINE = 64 * 1024


class StartFailed(Exception):  # noqa: N818 - named for what happened
    """A service cannot be started; the message says why."""

    def __init__(self, message: str, exit_code: int = 1) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class Address:
    """Where a child listens."""

    port: int
    admin_port: int


class Child:
    """Runs a service, starts it again when it dies, and ends it."""

    def __init__(
        self,
        spec: ServiceSpec,
        output: Output,
        lifeline: int,
        *,
        flags: Sequence[str] = (),
    ) -> None:
        """`lifeline` is the reading end of a pipe whose writing end only this process has."""
        self.spec = spec
        self._address: asyncio.Future[Address] = asyncio.get_running_loop().create_future()
        self._output = output
        self._lifeline = lifeline
        self._flags = flags
        self._backoff = Backoff(0.5, 15.0)
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._serving_since: float | None = None
        self._last_lines: deque[str] = deque(maxlen=3)

    async def keep(self) -> None:
        """Run until `stop`. Raises StartFailed."""
        starts = 0
        while not self._stopping.is_set():
            starts += 1
            code = await self._run_once()
            if self._stopping.is_set():
                return
            self._check_start(code, starts)
            if (
                self._serving_since is not None
                and time.monotonic() - self._serving_since > HEALTHY_SECONDS
            ):
                self._backoff.reset()
            delay = self._backoff.next_seconds()
            self._output.event(
                "service died; starting it again",
                "warning",
                name=self.spec.name,
                exit_code=code,
                delay_seconds=round(delay, 2),
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), delay)

    async def address(self) -> Address:
        """Return where it listens, as soon as it has served for the first time."""
        return await asyncio.shield(self._address)

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL when the drain time is well over. Returns when it is gone."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return
        self._signal(process, signal.SIGTERM)
        try:
            async with asyncio.timeout(self.spec.drain_seconds + KILL_AFTER_SECONDS):
                await process.wait()
        except TimeoutError:
            self._output.event("service did not stop; killing it", "warning", name=self.spec.name)
        finally:
            self.kill()
        await process.wait()

    def kill(self) -> None:
        """SIGKILL, to all of the child's process group."""
        self._stopping.set()
        if self._process is not None and self._process.returncode is None:
            self._signal(self._process, signal.SIGKILL)

    def _check_start(self, code: int, starts: int) -> None:
        served = self._address.done()
        if served and code != EXIT_CONFIGURATION:
            return
        why = as_typed(self.spec.kind, " / ".join(self._last_lines)) or "it wrote nothing"
        if served:
            raise StartFailed(f"{self.spec.name} cannot go on: {why}", code)
        if code == EXIT_CONFIGURATION:
            raise StartFailed(f"{self.spec.name}: wrong configuration: {why}", EXIT_CONFIGURATION)
        if starts >= FIRST_START_TRIES:
            raise StartFailed(f"{self.spec.name} died {starts} times while starting: {why}")

    async def _run_once(self) -> int:
        known = self._address.result() if self._address.done() else Address(self.spec.port, 0)
        self._serving_since = None
        self._process = process = await asyncio.create_subprocess_exec(
            *self.spec.argv(known.port, known.admin_port, self._flags),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            # A terminal's Ctrl-C must reach the supervisor only: it stops them in order.
            start_new_session=True,
            pass_fds=(self._lifeline,),
            env={
                **os.environ,
                LIFELINE_VARIABLE: str(self._lifeline),
                "PYTHONUNBUFFERED": "1",
                # For what a service itself may start: nothing of the working directory is run.
                "PYTHONSAFEPATH": "1",
            },
        )
        if self._stopping.is_set():  # `stop` came while it was being made
            self.kill()
        assert process.stdout is not None  # noqa: S101 - asked for above
        reading = asyncio.create_task(self._read(process.stdout))
        try:
            code = await process.wait()
            # What it wrote last; something that inherited the pipe may keep it open for ever.
            await asyncio.wait([reading], timeout=LAST_OUTPUT_SECONDS)
            return code
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            if process.returncode is None:
                self._signal(process, signal.SIGKILL)
                await process.wait()

    async def _read(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            self._take(line)

    def _take(self, line: str) -> None:
        self._output.line(self.spec.name, line)
        event = parse(line)
        if event is None:
            if line.strip():
                self._last_lines.append(line.strip())
            return
        if event.get("level") in ("error", "critical"):
            fields = ("event", "error", "reason", "remedy")
            self._last_lines.append(", ".join(str(event[key]) for key in fields if key in event))
        port, admin_port = event.get("port"), event.get("admin_port")
        if event["event"] == "serving" and isinstance(port, int) and isinstance(admin_port, int):
            self._serving_since = time.monotonic()
            if not self._address.done():
                self._address.set_result(Address(port, admin_port))

    @staticmethod
    def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            if number is signal.SIGKILL:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Yield lines without their ends; one that is too long comes in pieces."""
    rest = b""
    while data := await stream.read(_LONGEST_LINE):
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            yield line.decode(errors="replace").rstrip("\r")
        while len(rest) >= _LONGEST_LINE:
            yield rest[:_LONGEST_LINE].decode(errors="replace")
            rest = rest[_LONGEST_LINE:]
    if rest:
        yield rest.decode(errors="replace")
