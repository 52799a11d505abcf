"""The gateway put together."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import grpc
from newstally_protos.keys import KeysError
from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1 import tally_pb2, upload_pb2
from newstally_protos.v1.status_pb2_grpc import add_StatusServiceServicer_to_server
from newstally_protos.v1.tally_pb2_grpc import add_TallyServiceServicer_to_server
from newstally_protos.v1.upload_pb2_grpc import add_UploadServiceServicer_to_server
from newstally_protos.wire import connect
from newstally_runtime.admin import Readiness
from newstally_runtime.observing.recent import Times
from newstally_runtime.peers.health import Health
from newstally_runtime.peers.reflecting import NAMES as REFLECTION
from newstally_runtime.service import CannotStartError, Lifecycle
from newstally_runtime.tls.credentials import RenewedChannel, channel_credentials
from newstally_runtime.tls.watching import watched
from prometheus_client import REGISTRY

from newstally_gateway.clients.door import Door
from newstally_gateway.clients.keys_file import KeysFile
from newstally_gateway.clients.limiting import Limiting
from newstally_gateway.clients.service import Streams
from newstally_gateway.clients.shared import Shared
from newstally_gateway.clients.tracing import Tracing
from newstally_gateway.core.clients.admission import Admission, Memory, charge_bytes
from newstally_gateway.core.clients.effects import Counters
from newstally_gateway.core.clients.ledger import BatchLimits
from newstally_gateway.core.clients.places import Places
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Stages
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.client import Persister
from newstally_gateway.persister.forwarding import ForwardedTallies, ForwardedUploads
from newstally_gateway.persister.recorder import Recorder
from newstally_gateway.persister.uploads import Uploads
from newstally_gateway.replicas.connection import Connect
from newstally_gateway.replicas.discovery import Discovery
from newstally_gateway.replicas.dispatch_loop import DispatchLoop
from newstally_gateway.replicas.links import Links
from newstally_gateway.replicas.targets import parse_targets
from newstally_gateway.settings import GatewaySettings
from newstally_gateway.status.exchange import Exchange
from newstally_gateway.status.gathering import seen
from newstally_gateway.status.service import NAME as STATUS
from newstally_gateway.status.service import StatusService
from newstally_gateway.status.telling import Parts, Telling


class Gateway:
    """Implements newstally_runtime.service.Service.

    Ready means: the persister said lately that its journal serves. Without it no stream can be
    opened; what its sink does is no matter here.
    Without extractors streams are taken and wait, so they are shown in the body of /readyz only.
    """

    def __init__(self, settings: GatewaySettings, lifecycle: Lifecycle) -> None:
        """Call it on the event loop that serves."""
        self._lifecycle = lifecycle
        metrics = Metrics(REGISTRY)
        open_services = [Health.NAME, *(REFLECTION if settings.reflection == "open" else ())]
        self._door = Door(_read_keys(settings.keys), open_services, metrics)
        lifecycle.guard(self._door)
        self._persister_is_open = settings.mtls is None and not settings.persister_on_loopback
        self._certificate = watched("mtls", settings.mtls)
        self._channel: grpc.aio.Channel = (
            connect(settings.persister)
            if self._certificate is None
            else RenewedChannel(
                settings.persister, self._certificate, settings.mtls_persister
            ).as_channel()
        )
        self._persister = Persister(self._channel, metrics)
        process, now = lifecycle.process, asyncio.get_running_loop().time()
        stages = Stages(
            waiting=process.stage(Times("waiting", now, metrics.waiting_seconds)),
            extraction=process.stage(Times("extraction", now, metrics.extraction_seconds)),
        )
        self._dispatch = DispatchLoop(
            Dispatcher(settings.article_timeout, settings.trial_seconds, stages), metrics
        )
        largest = charge_bytes(settings.max_content_bytes)
        self._memory = Memory(Admission(settings.memory_bytes, largest))
        metrics.memory.set_function(lambda: self._memory.used_bytes)
        metrics.memory_limit.set(settings.memory_bytes)
        self._links = Links(
            self._dispatch.dispatching, self._connector(settings.mtls_extractor), metrics
        )
        metrics.links.set_function(lambda: self._links.listed)
        metrics.links_up.set_function(lambda: self._dispatch.dispatching.links_up)
        self._discovery = Discovery(
            parse_targets(settings.extractors), settings.discovery_interval, self._links.follow
        )
        self._limiting = Limiting(self._persister, metrics.limit_hits)
        recorder = Recorder(self._persister, metrics)
        process.stage(recorder.times)
        shared = Shared(
            dispatching=self._dispatch.dispatching,
            memory=self._memory,
            recorder=recorder,
            limiting=self._limiting,
            uploads=Uploads(self._persister),
            metrics=metrics,
            counters=Counters(metrics.received, metrics.passed_over, metrics.memory_waits),
            limits=BatchLimits(SEND_LIMIT_BYTES, settings.batch_bytes, settings.batch_age),
            max_content_bytes=settings.max_content_bytes,
            tracing=Tracing(lifecycle.traces),
        )
        self._streams = Streams(
            shared,
            settings.heartbeat,
            settings.write_timeout,
            Places(settings.memory_bytes // largest),
            settings.connection_age,
        )
        telling = Telling(self._parts(settings), metrics)
        self._exchange = Exchange(
            self._persister,
            lambda: seen(telling.gateway(), telling.replicas(), telling.departed()),
        )
        self._status = StatusService(telling, self._exchange)
        self._background: asyncio.Task[None] | None = None

    def register(self, server: grpc.aio.Server) -> Sequence[str]:
        """Add the public services."""
        gateway_service = self._streams.register(server)
        add_UploadServiceServicer_to_server(ForwardedUploads(self._persister), server)
        add_TallyServiceServicer_to_server(ForwardedTallies(self._persister), server)
        add_StatusServiceServicer_to_server(self._status, server)
        return [
            gateway_service,
            STATUS,
            upload_pb2.DESCRIPTOR.services_by_name["UploadService"].full_name,
            tally_pb2.DESCRIPTOR.services_by_name["TallyService"].full_name,
        ]

    async def start(self) -> None:
        """Begin to look for the persister and the replicas; wait for neither."""
        self._door.announce(persister_is_open=self._persister_is_open)
        self._background = asyncio.create_task(self._run(), name="gateway")
        self._lifecycle.watch(self._background)

    def readiness(self) -> Readiness:
        """Say whether streams can be opened. Safe from any thread: it reads a few counters."""
        return Readiness(
            self._persister.serving,
            {
                "door": self._door.state,
                "persister": self._persister.state,
                "links_up": self._dispatch.dispatching.links_up,
                "links": self._links.listed,
                "streams": self._streams.open,
                "queued_articles": self._dispatch.queued,
                "memory_charged_bytes": self._memory.used_bytes,
            },
        )

    async def drain(self, seconds: float) -> None:
        """Send the clients elsewhere, and settle what they have sent so far."""
        await self._streams.drain(seconds)

    async def close(self) -> None:
        """Let go of the replicas and the persister."""
        if self._background is not None:
            self._background.cancel()
            await asyncio.wait({self._background})
        await self._channel.close()

    def _connector(self, extractor: str) -> Connect:
        """Return what opens a channel to an extractor, whose certificate must have this name."""
        certificate = self._certificate
        if certificate is None:
            return connect
        return lambda address: connect(address, channel_credentials(certificate.current), extractor)

    def _parts(self, settings: GatewaySettings) -> Parts:
        """Return what status looks at."""
        dispatching = self._dispatch.dispatching
        persister = self._persister
        return Parts(
            process=self._lifecycle.process,
            persister=lambda: "serves" if persister.serving else persister.state,
            door=lambda: self._door.state,
            streams=lambda: self._streams.open,
            queued=lambda: dispatching.queued,
            memory=lambda: self._memory.used_bytes,
            memory_limit_bytes=settings.memory_bytes,
            connections=lambda: self._links.connections,
            departed=self._links.departed.errors,
            oldest=dispatching.oldest,
            whose=self._streams.whose,
            limit_hits=lambda: self._limiting.hits,
        )

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as group:
            if self._certificate is not None:
                group.create_task(self._certificate.watch(), name="certificate")
            started = asyncio.Event()
            group.create_task(self._links.run(started), name="links")
            group.create_task(self._persister.watch(), name="persister watch")
            group.create_task(self._limiting.run(), name="limits")
            group.create_task(self._door.watch(self._streams.look_again), name="door")
            group.create_task(self._streams.log.run(), name="uploads log")
            group.create_task(self._exchange.watch(), name="exchange")
            await started.wait()
            group.create_task(self._discovery.run(), name="discovery")


def _read_keys(path: Path | None) -> KeysFile | None:
    """Return the keys file, if there is to be one. Raises CannotStartError."""
    if path is None:
        return None
    try:
        return KeysFile(path)
    except OSError as error:
        reason = f"--keys {path}: {error.strerror}: make it with `newstally key new`"
        raise CannotStartError(reason, passing=True) from error
    except KeysError as error:
        raise CannotStartError(f"--keys {path}: {error}") from error
