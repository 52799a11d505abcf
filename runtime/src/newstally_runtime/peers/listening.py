"""The gRPC ports of a service: with TLS or without, and the gate behind them."""

from collections.abc import Collection, Coroutine, Iterator
from typing import Any

import grpc
import structlog

from newstally_runtime.peers.certified import Certified
from newstally_runtime.peers.gate import CallLimits, Gate
from newstally_runtime.peers.hangup import Doorkeeper
from newstally_runtime.peers.health import Health
from newstally_runtime.peers.ports import server_options, staying
from newstally_runtime.settings import ServiceSettings
from newstally_runtime.tls.credentials import server_credentials
from newstally_runtime.tls.watching import watched

log = structlog.get_logger()

_LOOK_SECONDS = 3_600.0


class Listening:
    """A gRPC server, and what has to go on beside it while it serves."""

    def __init__(
        self,
        settings: ServiceSettings,
        apart: Collection[str],
        guards: Collection[grpc.aio.ServerInterceptor] = (),
    ) -> None:
        """`apart` as the gate's; `guards` stand before it. Raises CertificateError."""
        self._settings = settings
        self._certificate = watched("port", settings.port_certificate)
        self._gate = Gate(CallLimits(settings.max_calls, settings.call_timeout), apart)
        self._ports: list[int] = []
        self.server = grpc.aio.server(
            options=server_options(settings.port_limits()),
            interceptors=[*self._certified(), *guards, self._gate],
        )

    def listen(self) -> None:
        """Open the ports. Raises RuntimeError when one is taken."""
        settings, server = self._settings, self.server
        address = f"{settings.host}:{settings.port}"
        if self._certificate is None:
            self._ports.append(server.add_insecure_port(address))
        else:
            credentials = server_credentials(self._certificate)
            self._ports.append(server.add_secure_port(address, credentials))
            if settings.plain_port is not None:
                plain = f"{settings.host}:{settings.plain_port}"
                self._ports.append(server.add_insecure_port(plain))
        self._gate.ports = self._ports

    def background(self) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
        """Give what has to run while the ports are open, each with its name."""
        doorkeeper = Doorkeeper(self._ports, staying(self._settings.port_limits()))
        yield "doorkeeper", doorkeeper.keep()
        yield "gRPC server", self._serve_on()
        if self._certificate is not None:
            yield "certificate", self._certificate.watch()

    async def _serve_on(self) -> None:
        """Raise what gRPC gave up over: it closes its ports then, and says so to nobody else."""
        # Without a bound, who cancels this would cancel the server's own end.
        while await self.server.wait_for_termination(_LOOK_SECONDS):
            pass

    def tell(self, admin_port: int) -> None:
        """Log where it serves, and whether anybody may call who should not."""
        settings = self._settings
        port, *plain = self._ports
        more = {"plain_port": plain[0]} if plain else {}
        log.info("serving", port=port, admin_port=admin_port, tls=bool(self._certificate), **more)
        if settings.callers and settings.speaks_plain and not settings.on_loopback:
            log.warning(
                "port is open to whoever reaches it",
                port=self._ports[-1],
                remedy="let nobody but gateways reach it; or give certificates (--mtls-cert), and"
                " when all gateways have theirs, no --plain-port",
            )

    def _certified(self) -> list[grpc.aio.ServerInterceptor]:
        settings = self._settings
        if self._certificate is None or not settings.callers:
            return []
        # Health, too: a gateway that may not call here must not take this service for a good one.
        own = dict.fromkeys((Health.NAME, *settings.own_services), self._certificate.current.names)
        return [Certified(settings.callers, own)]
