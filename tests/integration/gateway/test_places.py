"""Streams of little use lock nobody out."""

import asyncio
import contextlib
from pathlib import Path

import grpc
from newstally_gateway.core.clients.admission import charge_bytes
from support.gateway_wire import Client, gateway_process, message, messages, until_metric
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister

PLACES = 12
TINY = 20
CONTENT_BYTES = 1_000


async def test_tiny_streams_lock_no_newcomer_out(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Each has a connection of its own, says something now and then, and is back at once."""
    limits = ["--max-content-bytes", str(CONTENT_BYTES)]
    limits += ["--memory-bytes", str(PLACES * charge_bytes(CONTENT_BYTES))]
    async with gateway_process(tmp_path, persister, [extractor], *limits) as gateway:

        async def tiny(number: int) -> None:
            async with connect_alone(gateway.address) as channel:
                client = Client(channel)
                while True:
                    with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):
                        async with client.open() as stream:
                            while stream.heard.code is None:
                                first = message("Ada", upload_id=f"tiny-{number}", offset=0)
                                await stream.write(first)
                                await asyncio.sleep(0.5)

        for name in [f"tiny-{number}" for number in range(TINY)] + ["new-0", "new-1", "new-2"]:
            persister.add(name)
        tasks = [asyncio.create_task(tiny(number)) for number in range(TINY)]
        try:
            await until_metric(gateway, "streams", lambda streams: streams >= PLACES)
            for number in range(3):
                async with connect_alone(gateway.address) as channel:
                    sent = messages(["Ada met Bob"] * 5, f"new-{number}")
                    heard = await Client(channel).stream(sent)
                    assert (heard.code, heard.next_offset) == (grpc.StatusCode.OK, 5)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def connect_alone(address: str) -> grpc.aio.Channel:
    """A channel whose connection it shares with no other."""
    options = [("grpc.use_local_subchannel_pool", 1), ("grpc.http2.bdp_probe", 0)]
    return grpc.aio.insecure_channel(address, options=options)
