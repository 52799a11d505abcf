"""CreateUpload where an owner has made as many uploads as a day allows."""

from typing import cast

import grpc
import pytest
from newstally_persister.services.reads import Reads
from newstally_persister.services.upload_service import LONGEST_WAIT_SECONDS, UploadService
from newstally_persister.values.uploads import NewUpload, Upload
from newstally_protos.v1 import upload_pb2, upload_pb2_grpc
from newstally_protos.wire import retry_delay_seconds
from unit.persister.building import journal

NOON, LATE = 43_200.0, 86_400.0 - 90.0
"""On the first of all days."""


class Journal:
    """Makes uploads at once, all on one day."""

    def __init__(self) -> None:
        self.store = journal()

    async def create_upload(self, wish: NewUpload) -> Upload | None:
        return self.store.create_uploads([wish], 1)[0]

    async def assign_upload(self, upload_id: str, owner: str) -> Upload | None:
        raise NotImplementedError


@pytest.mark.parametrize(("now", "wait"), [(LATE, 90.0), (NOON, LONGEST_WAIT_SECONDS)])
async def test_over_the_bound_of_a_day_it_says_when_to_come_back(now: float, wait: float) -> None:
    """At midnight (UTC), but in an hour at the latest: somebody may raise the bound.

    What was made before is there all the same.
    """
    service = UploadService(
        Journal(), cast("Reads", None), lambda: 1, uploads_per_day=1, wall_clock=lambda: now
    )
    server = grpc.aio.server()
    upload_pb2_grpc.add_UploadServiceServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = upload_pb2_grpc.UploadServiceStub(channel)
            await stub.CreateUpload(upload_pb2.CreateUploadRequest(upload_id="a"), timeout=60)
            with pytest.raises(grpc.aio.AioRpcError, match="made 1 uploads today") as caught:
                await stub.CreateUpload(upload_pb2.CreateUploadRequest(upload_id="b"), timeout=60)
            await stub.CreateUpload(upload_pb2.CreateUploadRequest(upload_id="a"), timeout=60)
    finally:
        await server.stop(None)
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_delay_seconds(caught.value) == wait
