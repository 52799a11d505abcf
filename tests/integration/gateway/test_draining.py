"""SIGTERM: settle what was admitted, send the clients elsewhere, exit 0 as soon as that is done."""

import asyncio
from pathlib import Path

import grpc
from support.gateway_wire import (
    client_of,
    contents_of,
    eventually,
    gateway_process,
    message,
    messages,
    until_metric,
)
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister


async def test_what_was_admitted_is_settled_and_the_client_sent_elsewhere(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Draining at once, then the last progress, then UNAVAILABLE; and the process is gone."""
    upload = persister.add("job")
    extractor.go.clear()
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(50), "job"))
        await extractor.until_started(1)
        await until_metric(process, "received_articles_total", lambda value: value == 50)
        leaving = asyncio.create_task(asyncio.to_thread(process.terminate))
        await stream.until(lambda heard: "draining" in heard.order)
        await stream.write(message("Too late"))
        extractor.go.set()
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.UNAVAILABLE
        assert "resume elsewhere" in heard.details
        assert heard.next_offset == upload.counted == 50
        assert await leaving == 0
    async with (
        gateway_process(tmp_path, persister, [extractor], name="next") as process,
        client_of(process) as client,
    ):
        heard = await client.stream(messages([*contents_of(50), "Too late"], "job"))
        assert heard.code is grpc.StatusCode.OK
    assert upload.counted == 51


async def test_a_client_that_has_sent_all_gets_ok(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """It has nothing to take elsewhere."""
    upload = persister.add("job")
    extractor.go.clear()
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(20), "job"))
        await stream.half_close()
        await extractor.until_started(1)
        await until_metric(process, "received_articles_total", lambda value: value == 20)
        leaving = asyncio.create_task(asyncio.to_thread(process.terminate))
        await stream.until(lambda heard: "draining" in heard.order)
        extractor.go.set()
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.OK
        assert await leaving == 0
    assert upload.counted == 20


async def test_new_streams_are_turned_away_while_draining(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """UNAVAILABLE, also for a client that writes much."""
    persister.add("job")
    persister.add("late")
    extractor.go.clear()
    async with (
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(message(upload_id="job", offset=0))
        await extractor.until_started(1)
        leaving = asyncio.create_task(asyncio.to_thread(process.terminate))
        await stream.until(lambda heard: "draining" in heard.order)
        late = await client.stream(messages(contents_of(500), "late"), by_writing=True)
        assert late.code is grpc.StatusCode.UNAVAILABLE
        assert "draining" in late.details
        extractor.go.set()
        assert (await stream.ended()).next_offset == 1
        assert await leaving == 0


async def test_draining_ends_in_time_although_nothing_can_be_settled(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Without the persister nothing is acknowledged: the client resumes elsewhere, exit code 0."""
    upload = persister.add("job")
    async with (
        gateway_process(tmp_path, persister, [extractor], "--drain", "2") as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(5), "job"))
        await stream.until(lambda heard: heard.next_offset == 5)
        persister.open.clear()
        await stream.write(*[message() for _ in range(5)])
        await stream.half_close()
        await eventually(lambda: persister.calls["RecordBatch"] >= 2, "the second batch")
        # Without an end to its drain time it would never be gone.
        assert await asyncio.to_thread(process.terminate) == 0
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.UNAVAILABLE
        assert heard.next_offset == upload.next_offset == 5


async def test_an_idle_gateway_leaves_at_once(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Nothing under way, nothing to wait for: not the whole drain time."""
    persister.add("job")
    async with (
        gateway_process(tmp_path, persister, [extractor], "--drain", "3600") as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        await stream.write(message(upload_id="job", offset=0))
        await stream.until(lambda heard: heard.next_offset == 1)
        assert await asyncio.to_thread(process.terminate) == 0
        assert (await stream.ended()).code is grpc.StatusCode.UNAVAILABLE
