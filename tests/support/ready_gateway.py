"""A gateway that settles at once and keeps nothing: what is measured against it is the client.

python -m support.ready_gateway [--recount]     prints its address, serves until its input ends

With --recount it keeps the offset rules, and in the end prints what it counted: per publication
how many articles, and the sum of checksums of their contents. That costs what parsing costs.
"""

import asyncio
import json
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import grpc
from newstally_protos.v1 import gateway_pb2, upload_pb2, upload_pb2_grpc
from newstally_protos.wire import SERVER_OPTIONS

_ACKNOWLEDGE_EVERY = 64


class ReadyGateway(upload_pb2_grpc.UploadServiceServicer):
    """Counts messages without looking into them, per upload in the order that they come."""

    def __init__(self, *, recount: bool = False) -> None:
        self._recount = recount
        self.settled: dict[str, int] = {}
        self.counted: dict[str, list[int]] = {}
        """Per publication: articles, and the sum of the checksums of their contents."""

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
            if self._recount and not await self._take(data, upload_id, context):
                continue
            self.settled[upload_id] += 1
            if self.settled[upload_id] % _ACKNOWLEDGE_EVERY == 0:
                yield self._progress(upload_id)
        yield self._progress(upload_id)

    async def _take(self, data: bytes, upload_id: str, context: Any) -> bool:
        """Count an article that is the next one; pass over one that is settled."""
        request = gateway_pb2.StreamArticlesRequest.FromString(data)
        settled = self.settled[upload_id]
        if request.offset > settled:
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, f"{request.offset} after {settled}")
        if request.offset < settled:
            return False
        counted = self.counted.setdefault(request.article.publication, [0, 0])
        counted[0] += 1
        counted[1] += zlib.crc32(request.article.content.encode())
        return True

    def _progress(self, upload_id: str) -> Any:
        upload = self._upload(upload_id)
        return gateway_pb2.StreamArticlesResponse(progress=gateway_pb2.Progress(upload=upload))


async def serve() -> None:
    gateway = ReadyGateway(recount="--recount" in sys.argv)
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
    print(json.dumps(gateway.counted), flush=True)


if __name__ == "__main__":
    asyncio.run(serve())
