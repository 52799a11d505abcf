"""Replicas that come, go, die, stall and answer twice."""

from pathlib import Path

import grpc
from newstally_protos.v1.article_pb2 import RefusalReason
from support.gateway_wire import (
    client_of,
    contents_of,
    eventually,
    gateway_client,
    gateway_process,
    message,
    messages,
    until_metric,
)
from support.reference_extractor import ReferenceExtractor, reference_extractor
from support.reference_persister import ReferencePersister


async def test_articles_wait_for_the_first_replica(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """A gateway without a replica takes articles and loses none of them."""
    upload = persister.add("job")
    extractor = ReferenceExtractor()
    async with gateway_client(tmp_path, persister, [extractor]) as client, client.open() as stream:
        await stream.write(*messages(contents_of(20), "job"))
        await stream.half_close()
        await stream.until(lambda heard: heard.progress)
        assert upload.next_offset == 0
        await extractor.start()
        try:
            heard = await stream.ended()
        finally:
            await extractor.close()
        assert heard.code is grpc.StatusCode.OK
        assert upload.counted == 20


async def test_a_name_stands_for_the_replicas_behind_it(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """dns:///name:port is looked up by the gateway itself."""
    upload = persister.add("job")
    async with reference_extractor() as extractor:
        name = f"dns:///localhost:{extractor.port}"
        flags = ("--extractors", name)
        async with gateway_client(tmp_path, persister, [], *flags) as client:
            heard = await client.stream(messages(contents_of(5), "job"))
    assert heard.code is grpc.StatusCode.OK
    assert upload.counted == 5


async def test_what_a_dead_replica_leaves_goes_to_another(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """Death of a replica in the middle of its work loses nothing and counts nothing twice."""
    upload = persister.add("job")
    async with (
        reference_extractor(articles=50) as first,
        reference_extractor(articles=50) as second,
        gateway_client(tmp_path, persister, [first, second]) as client,
        client.open() as stream,
    ):
        first.go.clear()
        await stream.write(*messages(contents_of(300), "job"))
        await stream.half_close()
        await first.until_started(1)
        await first.stop()
        heard = await stream.ended()
    assert heard.code is grpc.StatusCode.OK
    assert (upload.counted, upload.refusals) == (300, [])
    assert upload.mentions["The Paper", "ada", "WORD"] == 300


async def test_an_article_that_kills_the_only_replica_is_poison(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """Its neighbours in the model batch are counted, and the upload goes on."""
    upload = persister.add("job")
    async with (
        reference_extractor() as extractor,
        gateway_client(tmp_path, persister, [extractor], "--trial-seconds", "6") as client,
    ):
        extractor.killers.add("Deadly")
        contents = contents_of(30)
        contents[11] = "Deadly"
        heard = await client.stream(messages(contents, "job"))
        assert heard.code is grpc.StatusCode.OK
        assert [(r.offset, r.reason) for r in upload.refusals] == [
            (11, RefusalReason.REFUSAL_REASON_POISON)
        ]
        assert heard.refusals == upload.refusals
        assert upload.counted == 29
        deaths = [batch for batch in extractor.batches if "Deadly" in batch.contents]
        alone = [batch for batch in deaths if batch.alone]
        assert all(batch.contents == ("Deadly",) for batch in alone)
        assert 4 <= len({batch.instance for batch in alone}) <= 8


async def test_a_second_answer_means_nothing(tmp_path: Path, persister: ReferencePersister) -> None:
    """A replica that answers everything twice is counted once."""
    upload = persister.add("job")
    async with (
        reference_extractor() as extractor,
        gateway_client(tmp_path, persister, [extractor]) as client,
    ):
        extractor.answers = 2
        heard = await client.stream(messages(contents_of(100), "job"))
    assert heard.code is grpc.StatusCode.OK
    assert upload.mentions["The Paper", "ada", "WORD"] == 100


async def test_a_replica_that_stalls_is_left(tmp_path: Path, persister: ReferencePersister) -> None:
    """When an article has run out of time its link is broken, and another replica gets it."""
    upload = persister.add("job")
    async with (
        reference_extractor() as stalling,
        gateway_process(tmp_path, persister, [stalling], "--article-timeout", "3") as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        stalling.go.clear()
        await stream.write(message("Ada", upload_id="job", offset=0))
        await stalling.until_started(1)
        await eventually(lambda: stalling.links == 0 or len(stalling.batches) > 1, "link broken")
        stalling.go.set()
        await stream.half_close()
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.OK
        assert upload.counted == 1
        await eventually(lambda: process.events("replica too slow"), "it is told")


async def test_a_draining_replica_gets_nothing_more(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """What it does not answer goes to others, and nothing is suspected."""
    upload = persister.add("job")
    async with (
        reference_extractor(articles=5) as leaving,
        reference_extractor(articles=5) as staying,
        gateway_client(tmp_path, persister, [leaving, staying]) as client,
        client.open() as stream,
    ):
        leaving.go.clear()
        await stream.write(*messages(contents_of(100), "job"))
        await stream.half_close()
        await leaving.until_started(1)
        leaving.drain.set()
        leaving.go.set()
        heard = await stream.ended()
        assert heard.code is grpc.StatusCode.OK
        assert (upload.counted, upload.refusals) == (100, [])
        assert not any(batch.alone for batch in leaving.batches + staying.batches)


async def test_no_replica_gets_more_than_its_window(
    tmp_path: Path, persister: ReferencePersister
) -> None:
    """The window bounds what is unanswered, however much waits."""
    persister.add("job")
    async with (
        reference_extractor(articles=7) as extractor,
        gateway_process(tmp_path, persister, [extractor]) as process,
        client_of(process) as client,
        client.open() as stream,
    ):
        extractor.go.clear()
        await stream.write(*messages(contents_of(50), "job"))
        await stream.half_close()
        await until_metric(process, "received_articles_total", lambda value: value == 50)
        assert await until_metric(process, "link_outstanding_articles", bool) == 7
        extractor.go.set()
        assert (await stream.ended()).next_offset == 50
