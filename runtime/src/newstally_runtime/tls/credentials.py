"""gRPC's credentials from a certificate that may be renewed at any time.

TLS 1.3 is all that ports speak: `newstally_runtime` leaves gRPC no cipher of an older version.
"""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import grpc
from newstally_protos.wire import connect

from newstally_runtime.tls.certificate import Certificate
from newstally_runtime.tls.watching import WatchedCertificate

CLOSE_SECONDS = 60.0
"""What calls over the certificate before get to end; their own deadlines are shorter."""


def server_credentials(watched: WatchedCertificate) -> grpc.ServerCredentials:
    """Return what a port needs. Each handshake uses the newest certificate.

    Where the files name authorities, a peer without a certificate of theirs does not get in.
    """
    given = watched.current

    def renewed() -> grpc.ServerCertificateConfiguration | None:
        """Called by gRPC at each handshake, on a thread of its own; None keeps what it has."""
        nonlocal given
        current = watched.current
        if current is given:
            return None
        given = current
        return _configuration(current)

    return grpc.dynamic_ssl_server_credentials(
        _configuration(given),
        renewed,  # type: ignore[arg-type] # may return None, which its type stub does not know
        require_client_authentication=given.authorities is not None,
    )


def _configuration(certificate: Certificate) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration(
        [(certificate.key, certificate.chain)], root_certificates=certificate.authorities
    )


def channel_credentials(certificate: Certificate) -> grpc.ChannelCredentials:
    """Return what a channel needs to show this certificate, and to believe its authorities."""
    return grpc.ssl_channel_credentials(
        root_certificates=certificate.authorities,
        private_key=certificate.key,
        certificate_chain=certificate.chain,
    )


class RenewedChannel:
    """One channel after the other to the same server, each over the newest certificate.

    A channel keeps for ever the certificate that it was made with, and would show it when it
    connects again. To stubs this is a channel for calls with one request.
    """

    def __init__(self, target: str, watched: WatchedCertificate, name: str) -> None:
        """`name` is what the server's certificate must name."""
        self._target = target
        self._watched = watched
        self._name = name
        self._closing: set[asyncio.Task[None]] = set()
        self._used = watched.current
        self._channel = self._connect()

    def as_channel(self) -> grpc.aio.Channel:
        """Return it as what stubs ask for."""
        return cast("grpc.aio.Channel", self)

    def unary_unary(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """Return a method whose calls go over the newest certificate."""
        return self._method(lambda channel: channel.unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Any, **options: Any) -> Callable[..., Any]:
        """Return a method whose calls go over the newest certificate."""
        return self._method(lambda channel: channel.unary_stream(*arguments, **options))

    def _method(self, make: Callable[[grpc.aio.Channel], Any]) -> Callable[..., Any]:
        channel, method = self._channel, make(self._channel)

        def call(*request: Any, **settings: Any) -> Any:
            nonlocal channel, method
            self._renew()
            if channel is not self._channel:
                channel, method = self._channel, make(self._channel)
            return method(*request, **settings)

        return call

    async def close(self) -> None:
        """Close it at once, with all calls."""
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        await self._channel.close()

    def _renew(self) -> None:
        if self._watched.current is self._used:
            return
        task = asyncio.create_task(self._channel.close(CLOSE_SECONDS), name="close old channel")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)
        self._used = self._watched.current
        self._channel = self._connect()

    def _connect(self) -> grpc.aio.Channel:
        return connect(self._target, channel_credentials(self._used), self._name)
