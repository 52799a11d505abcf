"""Floods gateways with articles of one key, until it is killed: `python -m support.flood`.

KEY comes from the environment; the arguments are the gateways' addresses.
"""

import asyncio
import os
import sys

import grpc
from newstally_protos.v1 import article_pb2, gateway_pb2, gateway_pb2_grpc, upload_pb2
from newstally_protos.v1.upload_pb2_grpc import UploadServiceStub
from newstally_protos.wire import connect

STREAMS = 8
"""On each gateway."""


async def flood(address: str, number: int) -> None:
    metadata = (("authorization", f"Bearer {os.environ['KEY']}"),)
    upload_id = f"flood-{address.rpartition(':')[2]}-{number}"
    async with connect(address) as channel:
        wish = upload_pb2.CreateUploadRequest(upload_id=upload_id)
        await UploadServiceStub(channel).CreateUpload(wish, metadata=metadata)
        call = gateway_pb2_grpc.GatewayServiceStub(channel).StreamArticles(metadata=metadata)
        reader = asyncio.create_task(read(call))
        offset = 0
        while not reader.done():
            article = article_pb2.Article(
                publication="Flood", content=f"Ada met Bob {offset} " * 20
            )
            await call.write(
                gateway_pb2.StreamArticlesRequest(
                    upload_id=upload_id, offset=offset, article=article
                )
            )
            offset += 1


async def read(call: "grpc.aio.StreamStreamCall") -> None:  # type: ignore[type-arg]
    async for _ in call:
        pass


async def main() -> None:
    async with asyncio.TaskGroup() as group:
        for address in sys.argv[1:]:
            for number in range(STREAMS):
                group.create_task(flood(address, number))


if __name__ == "__main__":
    asyncio.run(main())
