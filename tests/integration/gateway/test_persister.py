"""The persister slow, full, away, replaced: everything waits, nothing is lost or counted twice."""

from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2
from newstally_protos.v1 import tally_pb2, upload_pb2
from support.gateway_wire import (
    client_of,
    contents_of,
    eventually,
    gateway_client,
    gateway_process,
    message,
    messages,
    until_readiness,
)
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import JOURNAL, ReferencePersister


async def test_a_lost_reply_counts_nothing_twice(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """The batch is sent again as it was, and the answer shows that it is settled."""
    upload = persister.add("job")
    persister.replies_to_lose = 3
    async with gateway_client(tmp_path, persister, [extractor]) as client:
        heard = await client.stream(messages(contents_of(50), "job"))
    assert heard.code is grpc.StatusCode.OK
    assert persister.replies_to_lose == 0
    assert upload.counted == heard.next_offset == 50
    assert upload.mentions["The Paper", "ada", "WORD"] == 50


async def test_a_full_journal_makes_the_client_wait(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo is waited out, with heartbeats meanwhile."""
    upload = persister.add("job")
    persister.full = True
    flags = ("--heartbeat", "0.1")
    async with (
        gateway_client(tmp_path, persister, [extractor], *flags) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(10), "job"))
        await stream.half_close()
        await eventually(lambda: persister.calls["RecordBatch"] >= 3, "tries")
        heard = await stream.until(lambda heard: len(heard.progress) >= 4)
        assert heard.next_offset == 0
        assert heard.code is None
        persister.full = False
        assert (await stream.ended()).code is grpc.StatusCode.OK
    assert upload.counted == 10


async def test_a_persister_that_restarts_is_waited_for(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """In the middle of a stream: the client notices nothing but a pause."""
    upload = persister.add("job")
    async with (
        gateway_client(tmp_path, persister, [extractor]) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(10), "job"))
        await stream.until(lambda heard: heard.next_offset == 10)
        await persister.stop()
        await stream.write(*[message() for _ in range(10)])
        await persister.start()
        await stream.half_close()
        assert (await stream.ended()).code is grpc.StatusCode.OK
    assert upload.counted == 20


async def test_opening_a_stream_waits_for_the_persister(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Start in any order: the first stream may come before the persister."""
    upload = persister.add("job")
    await persister.stop()
    async with (
        gateway_client(tmp_path, persister, [extractor]) as client,
        client.open() as stream,
    ):
        await stream.write(*messages(contents_of(10), "job"))
        await stream.half_close()
        await persister.start()
        assert (await stream.ended()).code is grpc.StatusCode.OK
    assert upload.counted == 10


async def test_opening_a_stream_does_not_wait_for_ever(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """After ten seconds without a persister: UNAVAILABLE, to be resumed."""
    persister.add("job")
    await persister.stop()
    async with gateway_client(tmp_path, persister, [extractor]) as client:
        heard = await client.stream(messages(contents_of(10), "job"))
    assert heard.code is grpc.StatusCode.UNAVAILABLE


async def test_an_upload_that_went_backwards_is_aborted(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """A journal that forgot what it had acknowledged must be looked at first."""
    upload = persister.add("job")
    async with gateway_client(tmp_path, persister, [extractor]) as client, client.open() as stream:
        await stream.write(*messages(contents_of(10), "job"))
        await stream.until(lambda heard: heard.next_offset == 10)
        upload.next_offset = 4
        await stream.write(message())
        assert (await stream.ended()).code is grpc.StatusCode.ABORTED


async def test_an_upload_that_vanished_is_not_found(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """What the journal will never take ends the stream with its status."""
    persister.add("job")
    async with gateway_client(tmp_path, persister, [extractor]) as client, client.open() as stream:
        await stream.write(*messages(contents_of(10), "job"))
        await stream.until(lambda heard: heard.next_offset == 10)
        del persister.uploads["job"]
        await stream.write(message())
        assert (await stream.ended()).code is grpc.StatusCode.NOT_FOUND


async def test_ready_means_that_batches_can_be_recorded(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """The journal's health counts; what else the persister cannot do is no matter."""
    states = health_pb2.HealthCheckResponse
    async with gateway_process(tmp_path, persister, []) as process:
        await until_readiness(process, ready=True)
        await persister.health.set(JOURNAL, states.NOT_SERVING)
        await until_readiness(process, ready=False)
        await persister.health.set("", states.NOT_SERVING)
        await persister.health.set("newstally.v1.TallyService", states.NOT_SERVING)
        await persister.health.set(JOURNAL, states.SERVING)
        await until_readiness(process, ready=True)


async def test_ready_means_that_the_persister_serves(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """Replicas are shown but not needed: streams can be taken and wait."""
    async with gateway_process(tmp_path, persister, []) as process:
        state = await until_readiness(process, ready=True)
        assert state["links_up"] == 0
        assert state["persister"] == "SERVING"
        await persister.stop()
        await until_readiness(process, ready=False)


async def test_uploads_and_tallies_are_passed_on_with_status_and_owner(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """The gateway is the door for all services; who the owner is, the gateway says."""
    async with gateway_process(tmp_path, persister, []) as process, client_of(process) as client:
        forged = (("newstally-owner", "somebody else"),)
        request = upload_pb2.CreateUploadRequest(upload_id="job")
        created = await client.uploads.CreateUpload(request, metadata=forged)
        assert created.upload.upload_id == "job"
        assert persister.owners == {"anonymous"}
        with pytest.raises(grpc.aio.AioRpcError) as missing:
            await client.uploads.GetUpload(upload_pb2.GetUploadRequest(upload_id="none"))
        assert missing.value.code() is grpc.StatusCode.NOT_FOUND
        assert missing.value.details() == "no upload 'none'"
        with pytest.raises(grpc.aio.AioRpcError) as invalid:
            await client.uploads.ListRefusals(
                upload_pb2.ListRefusalsRequest(upload_id="job", page_size=-1)
            )
        keys = [key for key, _ in invalid.value.trailing_metadata() or ()]
        assert "grpc-status-details-bin" in keys
        await client.tallies.ListPublications(tally_pb2.ListPublicationsRequest())
        await persister.stop()
        with pytest.raises(grpc.aio.AioRpcError) as away:
            await client.tallies.ListEntityTallies(tally_pb2.ListEntityTalliesRequest())
        assert away.value.code() is grpc.StatusCode.UNAVAILABLE
