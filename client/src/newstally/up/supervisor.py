"""Starts the trio in order, says when it is ready, and stops it in order."""

import asyncio
import os
import signal
from collections.abc import Callable, Sequence

from newstally.up.child import KILL_AFTER_SECONDS, Child
from newstally.up.output import Output
from newstally.up.ports import until_free
from newstally.up.probing import readyz
from newstally.up.services import HOST, Plan, ServiceSpec

POLL_SECONDS = 0.2
NOTE_EVERY_SECONDS = 10.0


class Supervisor:
    """Owns the children from `run`'s beginning to its end."""

    def __init__(self, plan: Plan, output: Output, announce: Callable[[str], None]) -> None:
        """`announce` is called once, with the line that says that everything is ready."""
        self._plan = plan
        self._output = output
        self._announce = announce
        self._stop = asyncio.Event()
        self._persister: list[Child] = []
        self._extractors: list[Child] = []
        self._gateway: list[Child] = []
        self._dashboard: list[Child] = []

    async def run(self) -> None:
        """Run until a signal, then stop everything. Raises StartFailed; nothing is left then."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        for number in numbers:
            loop.add_signal_handler(number, self._on_signal)
        # Only this process has the writing end: when it dies, however that comes, the kernel
        # closes it, and the services end themselves.
        lifeline, hold = os.pipe()
        try:
            async with asyncio.TaskGroup() as group:
                keepers = group.create_task(self._keep(group, lifeline))
                await self._stop.wait()
                keepers.cancel()
                await self._stop_children()
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            for child in self._children:
                child.kill()
            os.close(hold)
            os.close(lifeline)
            for number in numbers:
                loop.remove_signal_handler(number)

    @property
    def _children(self) -> list[Child]:
        return [*self._dashboard, *self._gateway, *self._extractors, *self._persister]

    def _on_signal(self) -> None:
        if self._stop.is_set():
            self._output.event("killing what still runs", "warning")
            for child in self._children:
                child.kill()
        self._stop.set()

    async def _keep(self, group: asyncio.TaskGroup, lifeline: int) -> None:
        """Start everything, the gateway when the others' ports are known; wait until ready."""

        def start(spec: ServiceSpec, flags: Sequence[str] = ()) -> Child:
            child = Child(spec, self._output, lifeline, flags=flags)
            group.create_task(child.keep(), name=spec.name)
            return child

        gateway, dashboard = self._plan.gateway, self._plan.dashboard
        await self._until_free(gateway, "--port")
        if dashboard is not None:
            await self._until_free(dashboard, "--dashboard-port")
        self._persister = [start(self._plan.persister)]
        self._extractors = [start(spec) for spec in self._plan.extractors]
        persister = await self._persister[0].address()
        extractors = [await child.address() for child in self._extractors]
        flags = (
            "--persister",
            f"{HOST}:{persister.port}",
            "--extractors",
            ",".join(f"{HOST}:{address.port}" for address in extractors),
        )
        self._gateway = [start(gateway, flags)]
        if dashboard is not None:
            asked = f"{HOST}:{(await self._gateway[0].address()).port}"
            self._dashboard = [start(dashboard, ("--gateway", asked))]
        await asyncio.gather(*(self._ready(child) for child in self._children))
        trio = [*self._gateway, *self._extractors, *self._persister]
        places = [f"{child.spec.name} {HOST}:{(await child.address()).port}" for child in trio]
        places += [f"dashboard {await _page(child)}" for child in self._dashboard]
        self._announce("ready: " + ", ".join(places))

    async def _until_free(self, spec: ServiceSpec, flag: str) -> None:
        await until_free(
            spec.port,
            # So long may one take to end whose supervisor was killed a moment ago.
            spec.drain_seconds + KILL_AFTER_SECONDS,
            lambda: self._output.event("port is taken; waiting", "warning", port=spec.port),
            flag,
        )

    async def _ready(self, child: Child) -> None:
        """Return when the child is ready; note now and then what it waits for."""
        address = await child.address()
        loop = asyncio.get_running_loop()
        note_at = loop.time() + NOTE_EVERY_SECONDS
        while True:
            ready, body = await readyz(HOST, address.admin_port)
            if ready:
                return
            if loop.time() >= note_at:
                note_at = loop.time() + NOTE_EVERY_SECONDS
                self._output.event("not ready yet", name=child.spec.name, readyz=body)
            await asyncio.sleep(POLL_SECONDS)

    async def _stop_children(self) -> None:
        """Upstream first, so that each can hand over what it holds to the next."""
        self._output.event("stopping")
        for children in (self._dashboard, self._gateway, self._extractors, self._persister):
            await asyncio.gather(*(child.stop() for child in children))
        self._output.event("stopped")


async def _page(dashboard: Child) -> str:
    return f"http://{HOST}:{(await dashboard.address()).port}/"
