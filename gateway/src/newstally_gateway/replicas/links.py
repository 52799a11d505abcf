"""Keeps one link to each replica, for as long as discovery lists it."""

import asyncio
from collections.abc import Mapping

import structlog
from newstally_protos.backoff import Backoff

from newstally_gateway.core.replicas.dispatching import Dispatching
from newstally_gateway.metrics import Metrics
from newstally_gateway.replicas.connection import Connect, Connection
from newstally_gateway.replicas.departed import Departed

FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0

log = structlog.get_logger()


class Replica:
    """One replica that is listed: connects to it, again and again, until retired.

    away ──Welcome──▶ up ──break──▶ away (after a backoff)
     │                │
     └────retire()────┴──all answered──▶ ended
    """

    def __init__(
        self,
        address: str,
        dispatching: Dispatching,
        connect: Connect,
        metrics: Metrics,
        departed: Departed,
    ) -> None:
        self._departed = departed
        self._address = address
        self._dispatching = dispatching
        self._connect = connect
        self._metrics = metrics
        self._retired = asyncio.Event()
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection | None:
        """The one that is up, or is tried; None: between two tries."""
        return self._connection

    def retire(self) -> None:
        """Take nothing more, let the replica answer what it has, and end."""
        self._retired.set()
        if self._connection is not None:
            self._connection.retire()

    async def run(self) -> None:
        """Return when retired and done."""
        backoff = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
        told_away = False
        try:
            while not self._retired.is_set():
                # A channel of its own for each try: gRPC's own backoff does not add to ours, and
                # nothing of a broken connection is left.
                async with self._connect(self._address) as channel:
                    self._connection = Connection(self._address, self._dispatching, self._metrics)
                    end = await self._connection.run(channel)
                    self._departed.left(self._connection.link.report)
                    self._connection = None
                if end.welcomed:
                    log.info("link down", link=self._address, clean=end.clean, reason=end.reason)
                    backoff.reset()
                elif not told_away and not self._retired.is_set():
                    log.warning("replica away", link=self._address, reason=end.reason)
                told_away = not end.welcomed
                await self._pause(backoff.next_seconds())
        finally:
            self._connection = None
            self._metrics.forget_link(self._address)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._retired.wait()
        except TimeoutError:
            pass


class Links:
    """The links to all replicas that discovery lists."""

    def __init__(self, dispatching: Dispatching, connect: Connect, metrics: Metrics) -> None:
        self._dispatching = dispatching
        self._connect = connect
        self._metrics = metrics
        self._replicas: dict[str, Replica] = {}
        self.departed = Departed()
        """What replicas said that are gone."""
        self._group: asyncio.TaskGroup | None = None

    @property
    def listed(self) -> int:
        """How many replicas discovery lists."""
        return len(self._replicas)

    @property
    def connections(self) -> Mapping[str, Connection | None]:
        """The connection to each address that is listed; None: between two tries."""
        return {address: replica.connection for address, replica in self._replicas.items()}

    def follow(self, addresses: frozenset[str]) -> None:
        """Link to these replicas and to no others. Call it only while `run` runs."""
        if self._group is None:
            raise RuntimeError("links are not running")
        for address in self._replicas.keys() - addresses:
            self._replicas.pop(address).retire()
        for address in sorted(addresses - self._replicas.keys()):
            replica = Replica(
                address, self._dispatching, self._connect, self._metrics, self.departed
            )
            self._replicas[address] = replica
            self._group.create_task(replica.run(), name=f"link {address}")

    async def run(self, started: asyncio.Event) -> None:
        """Own the links' tasks until cancelled; set `started` when `follow` may be called."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            started.set()
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None
