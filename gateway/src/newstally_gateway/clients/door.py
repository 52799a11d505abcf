"""Lets calls in, or not, before anything of them is decoded.

    call ──▶ open to all? ──no──▶ key known, good, of the scope? ──yes──▶ the method
                  │                          │no
                  └──yes──▶ the method       └──▶ input read away, then the status

The caller is kept beside the call, for whatever serves it: see `calling`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from typing import Any, TypeAlias

import grpc
import structlog
from newstally_protos.keys import KEY_METADATA
from newstally_runtime.peers.gate import service_of
from newstally_runtime.peers.turns import Crowd
from newstally_runtime.rare import Rarely
from newstally_runtime.status import StatusError, abort

from newstally_gateway.calling import ANYBODY, note_caller
from newstally_gateway.clients.keys_file import KeysFile
from newstally_gateway.core.keys.callers import Caller, Ground, Rejection
from newstally_gateway.metrics import Metrics

LOOK_SECONDS = 0.5
"""How often the keys file, and whether open streams are still let in, is looked at."""
QUIET_SECONDS = 0.25
"""A rejected client that sends nothing for so long gets its status."""
WRITING_SECONDS = 2.0
"""So long it may go on writing: one that is writing when its call ends reports INTERNAL."""
DROPPED_LIMIT_BYTES = 1024 * 1024
"""No more is read away of one rejected call."""
HEARD_OUT = 64
"""Rejected calls that are read away at once; a newcomer cuts one of whoever has most of them."""

Context = grpc.aio.ServicerContext[Any, Any]
Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[Any]]

log = structlog.get_logger()


def to_status(rejection: Rejection) -> StatusError:
    """Return what a rejected call ends with."""
    return StatusError(_CODES[rejection.ground], rejection.message)


class Door(grpc.aio.ServerInterceptor):
    """Stands before all methods of a gateway."""

    def __init__(
        self,
        keys: KeysFile | None,
        open_services: Collection[str],
        metrics: Metrics,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`keys`: None lets everybody in. `open_services` need no key either way."""
        self._keys = keys
        self._open_services = frozenset(open_services)
        self._rejected = metrics.rejected
        self._note = Rarely("calls rejected")
        self._wall_clock = wall_clock
        self._heard_out = Crowd(HEARD_OUT)

    @property
    def state(self) -> str:
        """How open it is, for people."""
        if self._keys is None:
            return "open to everybody"
        trouble = self._keys.trouble
        return f"{len(self._keys.keyring)} keys" + (
            "" if trouble is None else f", the last good ones: the file is not usable: {trouble}"
        )

    def announce(self, *, persister_is_open: bool) -> None:
        """Log how open it is; and that there may be a way around it."""
        if self._keys is not None:
            log.info("door closed but for keys", keys=len(self._keys.keyring))
            if persister_is_open:
                log.warning(
                    "keys stop nobody who reaches the persister",
                    remedy="certificates: --mtls-cert, --mtls-key and --mtls-ca of all services",
                )
        else:
            log.warning(
                "door open: whoever reaches the port is let in",
                remedy="--keys FILE, which `newstally key new` makes; of `newstally up` --secure",
            )

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> "Handler | None":
        """Return the method's handler, or one that rejects the call."""
        method = str(handler_call_details.method)
        if self._keys is None or service_of(method) in self._open_services:
            note_caller(ANYBODY)
        else:
            credentials = _credentials(handler_call_details.invocation_metadata or ())
            found = self._keys.keyring.admit(credentials, method, self._wall_clock())
            if isinstance(found, Rejection):
                return self._rejecting(found)
            note_caller(found)
        handler: Handler | None = await continuation(handler_call_details)
        return handler

    async def watch(self, look_again: Callable[[Callable[[Caller, str], Any]], None]) -> None:
        """Follow the keys file until cancelled; have open streams looked at."""
        while self._keys is not None:
            await asyncio.sleep(LOOK_SECONDS)
            self._keys.look()
            look_again(self._look_again)

    def _look_again(self, known: Caller, method: str) -> Caller | Rejection:
        if self._keys is None:
            return known
        return self._keys.keyring.look_again(known, method, self._wall_clock())

    def _rejecting(self, rejection: Rejection) -> Handler:
        self._rejected.labels(rejection.ground.name).inc()

        async def reject(requests: AsyncIterator[bytes], context: Context) -> None:
            self._note.note(peer=context.peer(), reason=rejection.message)
            with suppress(TimeoutError):
                async with asyncio.timeout(WRITING_SECONDS) as patience:
                    leaving = self._heard_out.enter(patience, context.peer())
                    try:
                        if isinstance(leaving, asyncio.Timeout):
                            leaving.reschedule(asyncio.get_running_loop().time())
                        await _read_away(requests)
                    finally:
                        self._heard_out.leave(patience)
            await abort(context, to_status(rejection))

        # Without a deserializer: nothing of it is decoded.
        return grpc.stream_stream_rpc_method_handler(reject)


async def _read_away(requests: AsyncIterator[bytes]) -> None:
    """Drop what comes until the client is quiet, or has sent enough."""
    dropped = 0
    while dropped < DROPPED_LIMIT_BYTES:
        async with asyncio.timeout(QUIET_SECONDS):
            try:
                dropped += len(await anext(requests))
            except StopAsyncIteration:
                return


def _credentials(metadata: Iterable[tuple[str, str | bytes]]) -> list[str]:
    return [
        value if isinstance(value, str) else "" for name, value in metadata if name == KEY_METADATA
    ]


_CODES = {
    Ground.UNAUTHENTICATED: grpc.StatusCode.UNAUTHENTICATED,
    Ground.DENIED: grpc.StatusCode.PERMISSION_DENIED,
}
