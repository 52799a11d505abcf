"""What stands around the gateway in `bench/gateway.py`, as fast as it can be.

    python bench/instant.py bare                  a stream of grpc.aio: each message is answered
    python bench/instant.py extractor [FOLDER]    answers at once; with the certificates in FOLDER

Prints its address, and serves until its input ends.
"""

import asyncio
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import uvloop
from newstally_protos.v1 import extractor_pb2, extractor_pb2_grpc, gateway_pb2, upload_pb2
from newstally_protos.wire import SERVER_OPTIONS

ENTITIES = 20
"""In each article: about as many as one of 4 KB has."""
WINDOW = extractor_pb2.Window(articles=512, bytes=8 * 1024 * 1024)
_FOUND = extractor_pb2.ArticleEntities(
    entities=[
        extractor_pb2.EntityMentions(text=f"angela merkel {n}", label="PERSON", mentions=2)
        for n in range(ENTITIES)
    ]
)


class Extractor(extractor_pb2_grpc.ExtractorServiceServicer):
    """Finds the same in every article."""

    async def Extract(  # noqa: N802
        self, requests: AsyncIterator[extractor_pb2.ExtractRequest], _context: Any
    ) -> AsyncIterator[extractor_pb2.ExtractResponse]:
        """Answer whatever comes."""
        yield extractor_pb2.ExtractResponse(
            welcome=extractor_pb2.Welcome(
                model="instant",
                model_version="1",
                instance_id=uuid.uuid4().hex,
                window=WINDOW,
            )
        )
        async for request in requests:
            ids = [work.id for work in request.work]
            if not ids:
                continue
            yield extractor_pb2.ExtractResponse(started=extractor_pb2.Started(ids=ids))
            results = extractor_pb2.Results()
            for number in ids:
                results.results.add(id=number, entities=_FOUND, cost_micros=5_000)
            yield extractor_pb2.ExtractResponse(results=results)


async def bare(
    requests: AsyncIterator[gateway_pb2.StreamArticlesRequest], _context: Any
) -> AsyncIterator[gateway_pb2.StreamArticlesResponse]:
    """Answer each message with the progress that a gateway would tell."""
    offset = 0
    async for _ in requests:
        offset += 1
        upload = upload_pb2.Upload(upload_id="bare", next_offset=offset, counted=offset)
        yield gateway_pb2.StreamArticlesResponse(progress=gateway_pb2.Progress(upload=upload))


async def serve(what: str, folder: Path | None) -> None:
    """Serve until the input ends."""
    server = grpc.aio.server(options=SERVER_OPTIONS)
    if what == "extractor":
        extractor_pb2_grpc.add_ExtractorServiceServicer_to_server(Extractor(), server)
    else:
        handler = grpc.stream_stream_rpc_method_handler(
            bare,
            request_deserializer=gateway_pb2.StreamArticlesRequest.FromString,
            response_serializer=gateway_pb2.StreamArticlesResponse.SerializeToString,
        )
        generic = grpc.method_handlers_generic_handler(
            "newstally.v1.GatewayService", {"StreamArticles": handler}
        )
        server.add_generic_rpc_handlers((generic,))
    if folder is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        key, chain, roots = (
            (folder / name).read_bytes() for name in ("tls.key", "tls.crt", "ca.crt")
        )
        credentials = grpc.ssl_server_credentials(
            [(key, chain)], root_certificates=roots, require_client_auth=True
        )
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    print(f"127.0.0.1:{port}", flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None))
