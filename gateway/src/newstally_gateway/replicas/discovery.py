"""Which replicas there are: a static list, and DNS names that are looked up again and again.

gRPC itself looks a name up only when a connection drops, and so does not notice new replicas.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence

import structlog

from newstally_gateway.replicas.targets import Target, join

LOOKUP_SECONDS = 10.0
"""Deadline of one look-up."""

log = structlog.get_logger()

Lookup = Callable[[str, int], Awaitable[frozenset[str]]]
"""Returns the addresses (`host:port`) behind a name, or raises OSError."""


async def lookup(host: str, port: int) -> frozenset[str]:
    """Ask the system's resolver. Raises OSError if it has no answer."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return frozenset(join(str(address[0]), int(address[1])) for *_, address in found)


class Roster:
    """The replicas known now: the static ones and each name's last good answer. Pure."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._static = frozenset(t.address for t in targets if not t.is_name)
        self._answers: dict[Target, frozenset[str]] = {}

    def answer(self, target: Target, addresses: frozenset[str]) -> None:
        """Note what a name stands for now. An empty answer changes nothing."""
        if addresses:
            self._answers[target] = addresses

    @property
    def addresses(self) -> frozenset[str]:
        """All replicas, as `host:port`."""
        return self._static.union(*self._answers.values())


class Discovery:
    """Tells `changed` the full set of replicas, at first and whenever it is another one."""

    def __init__(
        self,
        targets: Sequence[Target],
        interval_seconds: float,
        changed: Callable[[frozenset[str]], None],
        lookup: Lookup = lookup,
    ) -> None:
        self._names = [t for t in targets if t.is_name]
        self._roster = Roster(targets)
        self._interval = interval_seconds
        self._changed = changed
        self._lookup = lookup
        self._told: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Follow the names until cancelled; return at once if there are none."""
        self._tell()
        async with asyncio.TaskGroup() as group:
            for name in self._names:
                group.create_task(self._follow(name), name=f"discover {name.address}")

    async def _follow(self, name: Target) -> None:
        failing = False
        while True:
            try:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    addresses = await self._lookup(name.host, name.port)
            except (OSError, UnicodeError, TimeoutError) as error:
                # Also what a headless Service without a ready replica answers: keep what we have.
                if not failing:
                    log.warning("name not resolved", name=name.host, error=str(error) or "timeout")
                failing = True
            else:
                if failing:
                    log.info("name resolved", name=name.host, replicas=len(addresses))
                failing = False
                self._roster.answer(name, addresses)
                self._tell()
            await asyncio.sleep(self._interval)

    def _tell(self) -> None:
        addresses = self._roster.addresses
        if addresses != self._told:
            log.info(
                "replicas",
                added=sorted(addresses - self._told),
                removed=sorted(self._told - addresses),
            )
            self._told = addresses
            self._changed(addresses)
