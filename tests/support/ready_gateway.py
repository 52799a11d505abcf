"""A gateway that settles at once and keeps nothing: what is measured against it is the client.

python -m support.ready_gateway     prints its address, and serves until its input ends
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
from newstally_protos.v1 import gateway_pb2, upload_pb2, upload_pb2_grpc
from newstally_protos.wire import SERVER_OPTIONS

_ACKNOWLEDGE_EVERY = 64


class ReadyGateway(upload_pb2_grpc.UploadServiceServicer):
    """Counts messages without looking into them, per upload in the order that they come."""

    def __init__(self) -> None:
        self.settled: dict[str, int] = {}

    def _upload(self, upload_id: str) -> upload_pb2.Upload:
        settled = self.settled.setdefault(upload_id, 0)
        return upload_pb2.Upload(
            upload_id=upload_id, next_offset=settled, applied_offset=settled, counted=settled
        )

    async def CreateUpload(self, request: Any, context: Any) -> Any:
        return upload_pb2.CreateUploadResponse(upload=self._upload(request.upload_id))

    async def GetUpload(self, request: Any, context: Any) -> Any:
        return upload_pb2.GetUploadResponse(upload=self._upload(request.upload_id))

    async def ListRefusals(self, request: Any, context: Any) -> Any:
        return upload_pb2.ListRefusalsResponse()

    async def ListUploads(self, request: Any, context: Any) -> Any:
        return upload_pb2.ListUploadsResponse()

    async def AssignUpload(self, request: Any, context: Any) -> Any:
        return upload_pb2.AssignUploadResponse()

    async def stream(self, requests: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        upload_id = ""
        async for data in requests:
            if not upload_id:
                upload_id = gateway_pb2.StreamArticlesRequest.FromString(data).upload_id
            self.settled[upload_id] += 1
            if self.settled[upload_id] % _ACKNOWLEDGE_EVERY == 0:
                yield self._progress(upload_id)
        yield self._progress(upload_id)

    def _progress(self, upload_id: str) -> Any:
        upload = self._upload(upload_id)
        return gateway_pb2.StreamArticlesResponse(progress=gateway_pb2.Progress(upload=upload))


async def serve() -> None:
    gateway = ReadyGateway()
    server = grpc.aio.server(options=SERVER_OPTIONS)
    upload_pb2_grpc.add_UploadServiceServicer_to_server(gateway, server)
    handler: grpc.RpcMethodHandler[bytes, Any] = grpc.stream_stream_rpc_method_handler(
        gateway.stream,
        request_deserializer=None,
        response_serializer=gateway_pb2.StreamArticlesResponse.SerializeToString,
    )
    service = grpc.method_handlers_generic_handler(
        "newstally.v1.GatewayService", {"StreamArticles": handler}
    )
    server.add_generic_rpc_handlers((service,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    asyncio.run(serve())
