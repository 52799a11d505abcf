"""Asks every gateway behind a target, and never waits long."""

import asyncio
import socket

import grpc
from newstally_protos.v1.status_pb2 import GetStatusRequest, GetStatusResponse
from newstally_protos.v1.status_pb2_grpc import StatusServiceStub

from newstally._gateway.contact import connected
from newstally._gateway.probing import find_out
from newstally.client.channels import open_channel
from newstally.settings import Access

CONNECT_SECONDS = 3.0
"""So long a connection has before it is looked into why there is none."""
ANSWER_SECONDS = 5.0
"""Deadline of one gateway's answer."""
LOOKUP_SECONDS = 5.0
GATEWAYS = 100
"""Most addresses that are asked."""
DNS_PREFIX = "dns:///"


async def ask_all(target: str, access: Access) -> dict[str, GetStatusResponse | str]:
    """Return the answer of each address, or why there is none. Raises NoGateway and InputError."""
    await open_channel(target, access).close()  # raises what is wrong with either
    host = target.removeprefix(DNS_PREFIX).rpartition(":")[0].strip("[]")
    addresses = await _addresses(target)

    async def ask(address: str) -> GetStatusResponse | str:
        # The certificate names the host, whichever of its addresses is asked.
        name = host if access.over_tls and address != target else None
        async with open_channel(target, access, address=address, name=name) as channel:
            if not await connected(channel, CONNECT_SECONDS):
                return (await find_out(address, access, name)).text
            try:
                return await StatusServiceStub(channel).GetStatus(
                    GetStatusRequest(), timeout=ANSWER_SECONDS
                )
            except grpc.aio.AioRpcError as error:
                return _reason(error)

    answers = await asyncio.gather(*map(ask, addresses))
    return dict(zip(addresses, answers, strict=True))


async def _addresses(target: str) -> list[str]:
    """Return all addresses that a target stands for; itself where that cannot be found out."""
    host, _, port = target.removeprefix(DNS_PREFIX).rpartition(":")
    if not host or not port.isdigit():
        return [target]
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOKUP_SECONDS):
            found = await loop.getaddrinfo(
                host.strip("[]"), int(port), type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP
            )
    except (OSError, UnicodeError, TimeoutError):
        return [target]
    addresses = sorted({_join(str(address[0]), port) for *_, address in found})
    if host == "localhost":
        addresses = [target]  # one gateway, by two families
    return addresses[:GATEWAYS] or [target]


def _join(host: str, port: str) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: grpc.aio.AioRpcError) -> str:
    match error.code():
        case grpc.StatusCode.UNIMPLEMENTED:
            return "tells no status: its release is 0.2"
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return f"has not answered for {ANSWER_SECONDS:g} s"
        case grpc.StatusCode.UNAUTHENTICATED | grpc.StatusCode.PERMISSION_DENIED:
            return error.details() or error.code().name
        case code:
            return f"{code.name}: {error.details()}"
