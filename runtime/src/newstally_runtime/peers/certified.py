"""Lets only certain peers call: those whose certificate names one of the names wanted, exactly.

A port that asks for certificates lets in whoever has one of its authorities, and that may be many:
each service has one. What they may do is decided here, before anything of a call is read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Any, TypeAlias, cast

import grpc
from prometheus_client import Counter

from newstally_runtime.peers.gate import LAST_WORD_SECONDS, service_of
from newstally_runtime.rare import Rarely
from newstally_runtime.status import StatusError, abort

_NAMES = ("peer_dns", "peer_uri")
"""How gRPC calls the names of a verified certificate: DNS names and URIs, without patterns."""

STRANGERS = Counter(
    "newstally_uncertified_calls_total",
    "Calls of peers whose certificate names none of the names that may call.",
)

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behaviour = Callable[[AsyncIterator[Any], Context], Awaitable[None]]


class Certified(grpc.aio.ServerInterceptor):
    """Stands before the gate, whose handlers are all of one shape.

    Calls without TLS pass: where there is a plain port, it is open to everybody.
    """

    def __init__(
        self,
        names: Collection[str],
        more_names: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        """`names` may call; those of `more_names` a service each."""
        self._names = frozenset(names)
        self._more = more_names or {}
        self._strangers = Rarely("peer of another name turned away")

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> "Handler | None":
        """Return the method's handler behind the check; None for a method that is not there."""
        handler: Handler | None = await continuation(handler_call_details)
        service = service_of(str(handler_call_details.method))
        if handler is None:
            return None
        if handler.stream_stream is None:
            raise TypeError(f"{service} does not stand behind the gate")
        behaviour = cast("Behaviour", handler.stream_stream)  # grpc.aio's, not grpc's
        wanted = self._names.union(self._more.get(service, ()))

        async def serve(requests: AsyncIterator[Any], context: Context) -> None:
            if (error := self._check(context, wanted)) is not None:
                try:
                    async with asyncio.timeout(LAST_WORD_SECONDS):
                        await abort(context, error)
                except TimeoutError:
                    raise asyncio.CancelledError from None  # it does not read
            await behaviour(requests, context)

        return grpc.stream_stream_rpc_method_handler(
            serve,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _check(self, context: Context, wanted: frozenset[str]) -> StatusError | None:
        shown = context.auth_context()
        if shown.get("transport_security_type") != [b"ssl"]:
            return None
        names = {name.decode(errors="replace") for each in _NAMES for name in shown.get(each, ())}
        if names & wanted:
            return None
        STRANGERS.inc()
        self._strangers.note(peer=context.peer(), names=sorted(names))
        # To a gateway this passes: somebody gives it, or this service, the right name. Whoever's
        # article it brings could do nothing about PERMISSION_DENIED.
        return StatusError(
            grpc.StatusCode.UNAVAILABLE,
            f"only {' and '.join(sorted(wanted))} may call here, by the names of the"
            " certificate that is shown",
        )
