"""The first contact: is a Newstally gateway at the target, and if not, what is.

A gateway that was there and goes is waited for. One that never answered is more likely a mistyped
address, so the wait for it ends.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import grpc
from newstally_protos.v1 import upload_pb2

from newstally._gateway.probing import Finding, find_out
from newstally.errors import GatewayUnavailable, GaveUp, NoGateway
from newstally.settings import Access
from newstally.values import Waiting

_CONNECT_SECONDS = 3.0
"""So long a connection has before it is looked into why there is none."""
_ANSWER_SECONDS = 5.0
_PAUSE_SECONDS = 0.5
_NOBODY = upload_pb2.GetUploadRequest(upload_id="first-contact")
_ANSWERS = frozenset(
    {
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.UNAVAILABLE,  # over a connection that stands: its persister is away
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.INVALID_ARGUMENT,
    }
)

GetUpload = Callable[..., Awaitable[upload_pb2.GetUploadResponse]]
Probe = Callable[[str, Access], Awaitable[Finding]]


async def reach(
    channel: grpc.aio.Channel,
    get_upload: GetUpload,
    target: str,
    access: Access,
    within: float | None,
    on_waiting: Callable[[Waiting], None],
    *,
    patient: bool = True,
    probe: Probe = find_out,
) -> None:
    """Return when a gateway answers, or cannot because its persister is away.

    Raises NoGateway for what is there and will not become a gateway by waiting, and GaveUp when
    nothing has answered `within` seconds; None waits for ever. Who is not `patient` is told at once
    when nothing is there at all.
    """
    begin = time.monotonic()
    while True:
        left = None if within is None else begin + within - time.monotonic()
        seconds = _at_most(_CONNECT_SECONDS, left)
        problem = await _try(
            channel, get_upload, lambda: probe(target, access), seconds, patient=patient
        )
        if problem is None:
            return
        left = None if within is None else begin + within - time.monotonic()
        if left is not None and left <= _PAUSE_SECONDS:
            raise GaveUp(problem)
        on_waiting(Waiting(GatewayUnavailable(problem), _PAUSE_SECONDS))
        await asyncio.sleep(_PAUSE_SECONDS)


async def _try(
    channel: grpc.aio.Channel,
    get_upload: GetUpload,
    probe: Callable[[], Awaitable[Finding]],
    seconds: float,
    *,
    patient: bool,
) -> str | None:
    """Return what is wrong for now, or None if a gateway is there."""
    if not await connected(channel, seconds):
        finding = await probe()
        if finding.final:
            raise NoGateway(finding.text)
        if finding.away and not patient:
            raise GaveUp(finding.text)
        return finding.text
    try:
        await get_upload(_NOBODY, timeout=_ANSWER_SECONDS)
    except grpc.aio.AioRpcError as error:
        if error.code() is grpc.StatusCode.UNIMPLEMENTED:
            raise NoGateway(
                "a server of another kind answers there (UNIMPLEMENTED); the gateway's gRPC port"
                " is 50051 unless it was set otherwise"
            ) from error
        if error.code() not in _ANSWERS:
            return f"what is there answers, but not as a gateway ({error.code().name})"
    return None


def _at_most(seconds: float, left: float | None) -> float:
    return seconds if left is None else min(seconds, max(left, 0.01))


async def connected(channel: grpc.aio.Channel, seconds: float) -> bool:
    """Whether HTTP/2 is spoken there. One failure is enough: what is away is asked again later."""
    try:
        async with asyncio.timeout(seconds):
            while (state := channel.get_state(try_to_connect=True)) is not (
                grpc.ChannelConnectivity.READY
            ):
                if state is grpc.ChannelConnectivity.TRANSIENT_FAILURE:
                    return False
                await channel.wait_for_state_change(state)
    except TimeoutError:
        return False
    return True
