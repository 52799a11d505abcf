"""Finds or makes the upload that a client stream adds to."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import grpc
from newstally_protos.backoff import Backoff
from newstally_protos.v1.upload_pb2 import (
    CreateUploadRequest,
    CreateUploadResponse,
    GetUploadRequest,
    GetUploadResponse,
    Upload,
)
from newstally_protos.wire import retry_delay_seconds
from newstally_runtime.status import StatusError, wait

from newstally_gateway.core.clients.batches import Opened
from newstally_gateway.core.keys.callers import Caller
from newstally_gateway.persister.client import NO_SUCH_UPLOAD, Persister, caller_metadata

OPEN_SECONDS = 10.0
"""How long opening a stream waits for a persister that is away."""
FIRST_WAIT_SECONDS = 0.05
LONGEST_WAIT_SECONDS = 1.0

_PERMANENT = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.ALREADY_EXISTS,
    }
)


Answer: TypeAlias = tuple[Upload, Opened]
"""The upload as it stands, and what its batches say."""


class Uploads:
    """UploadService for the gateway's own use. It waits, within a bound, for the persister."""

    def __init__(self, persister: Persister) -> None:
        self._stub = persister.uploads

    async def get(self, upload_id: str, caller: Caller) -> Answer:
        """Open the upload for a stream. Raises StatusError: the persister's own, or UNAVAILABLE."""

        async def ask(seconds: float) -> Answer:
            response = await self._stub.GetUpload(
                GetUploadRequest(upload_id=upload_id, opening=True),
                timeout=seconds,
                metadata=caller_metadata(caller),
                wait_for_ready=True,
            )
            return _answer(response)

        return await _persist(ask)

    async def create(self, caller: Caller) -> Answer:
        """Make an upload with a random id, and open it. Raises StatusError as `get` does.

        The id is chosen here, so that a lost reply and a second try make one upload, not two.
        """
        upload_id = secrets.token_hex(16)

        async def ask(seconds: float) -> Answer:
            response = await self._stub.CreateUpload(
                CreateUploadRequest(upload_id=upload_id, opening=True),
                timeout=seconds,
                metadata=caller_metadata(caller),
                wait_for_ready=True,
            )
            return _answer(response)

        return await _persist(ask)


def _answer(response: GetUploadResponse | CreateUploadResponse) -> Answer:
    upload, opening = response.upload, response.opening
    return upload, Opened(opening.stored_id or upload.upload_id, opening.token)


def is_over_limit(error: grpc.aio.AioRpcError) -> bool:
    """Whether it is the caller that has to wait, not the gateway: it asks for much."""
    return (retry_delay_seconds(error) or 0.0) > OPEN_SECONDS


async def _persist(ask: Callable[[float], Awaitable[Answer]]) -> Answer:
    loop = asyncio.get_running_loop()
    until = loop.time() + OPEN_SECONDS
    backoff = Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS)
    while True:
        try:
            return await ask(until - loop.time())
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.PERMISSION_DENIED:  # of release 0.2.0
                raise StatusError(grpc.StatusCode.NOT_FOUND, NO_SUCH_UPLOAD) from error
            if error.code() in _PERMANENT:
                raise StatusError(error.code(), error.details() or "") from error
            if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and is_over_limit(error):
                delay = retry_delay_seconds(error) or 0.0
                raise wait(delay, error.details() or "") from error
            pause = (retry_delay_seconds(error) or 0.0) + backoff.next_seconds()
            if loop.time() + pause >= until:
                raise StatusError(
                    grpc.StatusCode.UNAVAILABLE, "the persister does not answer; resume later"
                ) from error
        await asyncio.sleep(pause)
