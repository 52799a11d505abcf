"""A gateway's clients that show a key."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from support.gateway_wire import Client
from support.processes import Process


def _shown(key: str, details: Any) -> Any:
    metadata = grpc.aio.Metadata(*(details.metadata or ()))
    metadata.add("authorization", f"Bearer {key}")
    return details._replace(metadata=metadata)


class _KeyedCall(grpc.aio.UnaryUnaryClientInterceptor):
    """Shows a key with every call."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return await continuation(_shown(self._key, details), request)


class _KeyedStream(grpc.aio.StreamStreamClientInterceptor):
    """And with every stream: grpc.aio takes an interceptor for one shape only."""

    def __init__(self, key: str) -> None:
        self._key = key

    async def intercept_stream_stream(self, continuation: Any, details: Any, requests: Any) -> Any:
        return await continuation(_shown(self._key, details), requests)


@asynccontextmanager
async def keyed(process: Process, key: str) -> AsyncIterator[Client]:
    """A client with a key."""
    interceptors: Any = [_KeyedCall(key), _KeyedStream(key)]
    async with grpc.aio.insecure_channel(process.address, interceptors=interceptors) as channel:
        yield Client(channel)


async def code_of(call: Any) -> grpc.StatusCode:
    """What a call comes to."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK
