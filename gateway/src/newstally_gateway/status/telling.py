"""How the gateway and its replicas are, in messages."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from newstally_protos.v1.status_pb2 import (
    ErrorGroup,
    GatewayStatus,
    LimitHits,
    OldestWork,
    ProcessStatus,
    ReplicaStatus,
)
from newstally_runtime.observing.process import Process, total
from newstally_runtime.observing.recent import Sampled

from newstally_gateway.core.replicas.link import Link, State
from newstally_gateway.core.tasks import LinkKey, Oldest, StreamKey
from newstally_gateway.metrics import Metrics
from newstally_gateway.replicas.connection import Connection

REPLICAS = 1_000
"""Most that are told of."""
_STATES = {State.UP: "up", State.RETIRED: "retired", State.LEAVING: "retired"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What it looks at; all answer at once."""

    process: Process
    persister: Callable[[], str]
    """"serves", or what is known of it."""
    door: Callable[[], str]
    streams: Callable[[], int]
    queued: Callable[[], int]
    memory: Callable[[], int]
    memory_limit_bytes: int
    connections: Callable[[], Mapping[str, Connection | None]]
    departed: Callable[[set[str]], Sequence[ErrorGroup]]
    oldest: Callable[[LinkKey], Oldest | None]
    whose: Callable[[StreamKey], tuple[str, str] | None]
    """The upload and the owner of a stream."""
    limit_hits: Callable[[], Mapping[tuple[str, str], int]]
    """How often, by owner and limit."""


@dataclass(frozen=True, slots=True)
class ToldReplica:
    """A replica, and whose its oldest work is."""

    status: ReplicaStatus
    owner: str | None


class Telling:
    """Knows how this gateway is. Call it on the event loop."""

    def __init__(self, parts: Parts, metrics: Metrics) -> None:
        self._parts = parts
        self._loop = asyncio.get_running_loop()
        now, process = self._loop.time(), parts.process
        self._received = process.rate(Sampled(lambda: total(metrics.received), now))
        self._settled = process.rate(Sampled(lambda: total(metrics.settled), now))

    def gateway(self) -> GatewayStatus:
        """Say how the gateway is."""
        parts, now = self._parts, self._loop.time()
        return GatewayStatus(
            process=parts.process.status(now),
            streams=parts.streams(),
            received_per_second=self._received.per_second(now),
            settled_per_second=self._settled.per_second(now),
            queued_articles=parts.queued(),
            memory_bytes=parts.memory(),
            memory_limit_bytes=parts.memory_limit_bytes,
            persister=parts.persister(),
            door=parts.door(),
            limit_hits=[
                LimitHits(owner=owner, limit=limit, times=times)
                for (owner, limit), times in sorted(parts.limit_hits().items())
            ],
        )

    def replicas(self) -> Sequence[ToldReplica]:
        """Say how the replicas are, by address."""
        now = self._loop.time()
        listed = sorted(self._parts.connections().items())[:REPLICAS]
        return [self._replica(address, connection, now) for address, connection in listed]

    def departed(self) -> Sequence[ErrorGroup]:
        """Return the errors of replicas that are gone."""
        connections = self._parts.connections().values()
        here = {each.link.welcome.instance_id for each in connections if each is not None}
        return self._parts.departed(here)

    def _replica(self, address: str, connection: Connection | None, now: float) -> ToldReplica:
        link = None if connection is None else connection.link
        if connection is None or link is None or link.state not in _STATES:
            return ToldReplica(ReplicaStatus(address=address, state="away"), None)
        oldest = self._parts.oldest(link)
        whose = None if oldest is None else self._parts.whose(oldest.stream)
        status = ReplicaStatus(
            address=address,
            state="draining" if link.draining else _STATES[link.state],
            process=_process(link),
            model=f"{link.welcome.model} {link.welcome.model_version}",
            naming=link.welcome.naming,
            articles_per_second=connection.articles.per_second(now),
            bytes_per_second=connection.bytes.per_second(now),
            outstanding_articles=link.outstanding_articles,
            outstanding_bytes=link.outstanding_bytes,
            oldest=None if oldest is None else _oldest(oldest, whose, now),
            report_age_seconds=now - link.reported_at,
        )
        if link.report is not None:
            status.report.CopyFrom(link.report)
            status.report.ClearField("process")  # it stands above
        return ToldReplica(status, None if whose is None else whose[1])


def _process(link: Link) -> ProcessStatus:
    if link.report is not None:
        return link.report.process
    welcome = link.welcome
    return ProcessStatus(
        service="extractor",
        instance_id=welcome.instance_id,
        release=welcome.release,
        revision=welcome.revision,
    )


def _oldest(oldest: Oldest, whose: tuple[str, str] | None, now: float) -> OldestWork:
    return OldestWork(
        upload_id="" if whose is None else whose[0],
        offset=oldest.offset,
        size_bytes=oldest.size_bytes,
        running=oldest.running,
        seconds=now - oldest.since,
    )
