"""Which offsets a client may send, and what it hears when it sends others."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from newstally_protos.v1 import gateway_pb2
from support.gateway_wire import Client, Heard, article, gateway_client, message, messages
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister, recount

both_ways = pytest.mark.parametrize("by_writing", [False, True], ids=["iterator", "write"])


@pytest.fixture
async def client(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> AsyncIterator[Client]:
    async with gateway_client(tmp_path, persister, [extractor]) as client:
        yield client


async def test_every_article_of_a_named_upload_is_counted_once(
    client: Client, persister: ReferencePersister
) -> None:
    """What was sent is what was counted; the stream ends OK when all is acknowledged."""
    upload = persister.add("job")
    contents = [f"Ada met Bob{n % 7} in Paris" for n in range(500)]
    heard = await client.stream(messages(contents, "job"))
    assert heard.code is grpc.StatusCode.OK
    assert heard.next_offset == upload.next_offset == upload.counted == 500
    expected = recount([("The Paper", content) for content in contents])["The Paper"]
    assert upload.mentions == {("The Paper", *key): n for key, n in expected.items()}
    assert upload.models == {"reference 1"}


async def test_the_first_event_is_progress_and_the_metadata_names_the_upload(
    client: Client, persister: ReferencePersister
) -> None:
    """A client that opens an upload learns at once how far it is."""
    persister.add("job").next_offset = 3
    async with client.open() as stream:
        await stream.write(message(upload_id="job", offset=0))
        heard = await stream.until(lambda heard: heard.order)
        assert heard.order == ["progress"]
        assert heard.upload_id == "job"
        assert heard.next_offset == 3


@both_ways
async def test_sending_everything_again_counts_nothing_twice(
    client: Client, persister: ReferencePersister, by_writing: bool
) -> None:
    """The simplest way to resume: from offset 0, with everything."""
    upload = persister.add("job")
    contents = [f"Ada {n}" for n in range(60)]
    await client.stream(messages(contents[:40], "job"))
    heard = await client.stream(messages(contents, "job"), by_writing=by_writing)
    assert heard.code is grpc.StatusCode.OK
    assert heard.progress[0].next_offset == 40
    assert upload.counted == heard.next_offset == 60
    assert upload.mentions["The Paper", "ada", "WORD"] == 60


@both_ways
async def test_a_gap_is_out_of_range_and_what_came_before_is_settled(
    client: Client, persister: ReferencePersister, by_writing: bool
) -> None:
    """A client that leaves offsets out hears OUT_OF_RANGE, however it writes and however much."""
    upload = persister.add("job")
    sent = messages([f"Ada {n}" for n in range(10)], "job")
    sent += [message(f"Bob {n} " + "x" * 2000, offset=12 + n) for n in range(300)]
    heard = await client.stream(sent, by_writing=by_writing)
    assert heard.code is grpc.StatusCode.OUT_OF_RANGE
    assert "10" in heard.details
    assert heard.next_offset == upload.counted == 10
    if not by_writing:  # grpc.aio may lose the details of a status that meets a write
        assert error_info(heard) == ("OFFSET_GAP", "newstally.v1", {"next_offset": "10"})


async def test_a_gap_is_told_to_a_client_that_waits_for_it(
    client: Client, persister: ReferencePersister
) -> None:
    """The status does not wait for a client that stopped sending without ending its half."""
    persister.add("job")
    async with client.open() as stream:
        await stream.write(message(upload_id="job", offset=1))
        heard = await stream.ended()
    assert heard.code is grpc.StatusCode.OUT_OF_RANGE
    assert error_info(heard) == ("OFFSET_GAP", "newstally.v1", {"next_offset": "0"})


def error_info(heard: Heard) -> tuple[str, str, dict[str, str]]:
    """What a program can read of why a stream ended."""
    assert heard.error is not None
    info = ErrorInfo()
    details = dict(heard.error.trailing_metadata() or ())["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    (detail,) = status_pb2.Status.FromString(details).details
    assert detail.Unpack(info)
    return info.reason, info.domain, dict(info.metadata)


@both_ways
async def test_a_negative_offset_is_an_invalid_argument(
    client: Client, persister: ReferencePersister, by_writing: bool
) -> None:
    """Never to be retried as it is."""
    persister.add("job")
    sent = [message(upload_id="job", offset=-1), *[message() for _ in range(100)]]
    heard = await client.stream(sent, by_writing=by_writing)
    assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "offset" in heard.details


async def test_the_first_message_of_a_named_upload_must_carry_an_offset(
    client: Client, persister: ReferencePersister
) -> None:
    """Otherwise a second try would be counted again."""
    upload = persister.add("job")
    heard = await client.stream([message(upload_id="job")])
    assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
    assert upload.next_offset == 0


async def test_another_upload_id_in_a_later_message_is_an_invalid_argument(
    client: Client, persister: ReferencePersister
) -> None:
    """One stream is one upload; repeating its id is fine."""
    upload = persister.add("job")
    persister.add("other")
    sent = [
        message(upload_id="job", offset=0),
        message(upload_id="job"),
        message(upload_id="other"),
    ]
    heard = await client.stream(sent)
    assert heard.code is grpc.StatusCode.INVALID_ARGUMENT
    assert "upload_id" in heard.details
    assert upload.counted == 2


@both_ways
async def test_an_unknown_upload_is_not_found(client: Client, by_writing: bool) -> None:
    """Never a silent new start."""
    sent = messages(["Ada " + "x" * 2000] * 200, "no-such-job")
    heard = await client.stream(sent, by_writing=by_writing)
    assert heard.code is grpc.StatusCode.NOT_FOUND


async def test_another_owners_upload_is_not_found(
    client: Client, persister: ReferencePersister
) -> None:
    """Whether it is there is nobody's affair; persisters of release 0.2.0 say PERMISSION_DENIED."""
    persister.add("job", owner="somebody else")
    heard = await client.stream(messages(["Ada"], "job"))
    assert heard.code is grpc.StatusCode.NOT_FOUND


async def test_without_an_upload_id_the_gateway_makes_an_upload_and_numbers(
    client: Client, persister: ReferencePersister
) -> None:
    """The id goes out in the initial metadata, and resuming with it works."""
    heard = await client.stream([message("Ada"), message("Bob")])
    assert heard.code is grpc.StatusCode.OK
    upload = persister.uploads[heard.upload_id]
    assert upload.counted == 2
    again = await client.stream(messages(["Ada", "Bob", "Cid"], heard.upload_id))
    assert again.code is grpc.StatusCode.OK
    assert upload.counted == 3


async def test_an_upload_of_the_gateways_making_begins_at_zero(
    client: Client, persister: ReferencePersister
) -> None:
    """Another first offset without an upload_id is a gap, and makes no upload."""
    heard = await client.stream([message(offset=5)])
    assert heard.code is grpc.StatusCode.OUT_OF_RANGE
    assert not persister.uploads


async def test_upload_articles_answers_once_with_the_summary(
    client: Client, persister: ReferencePersister
) -> None:
    """What a person with grpcurl gets: the upload, and the call's first 100 refusals."""
    good = [gateway_pb2.UploadArticlesRequest(article=article("Ada met Bob"))] * 3
    bad = [gateway_pb2.UploadArticlesRequest(article=article(" "))] * 150
    response = await client.upload(*good, *bad)
    assert response.upload.next_offset == 153
    assert (response.upload.counted, response.upload.refused) == (3, 150)
    assert [refusal.offset for refusal in response.refusals] == list(range(3, 103))


async def test_a_stream_without_a_message_makes_nothing(
    client: Client, persister: ReferencePersister
) -> None:
    """It cannot be told from a client that was killed."""
    assert not (await client.upload()).HasField("upload")
    assert (await client.stream([])).code is grpc.StatusCode.OK
    assert not persister.uploads


@pytest.mark.parametrize("release", ["this", "0.2.0"])
async def test_the_later_stream_of_an_upload_takes_over(
    client: Client, persister: ReferencePersister, release: str
) -> None:
    """The earlier one ends, and takes nothing back; a persister of 0.2.0 lets both go on."""
    persister.knows_tokens = release == "this"
    upload = persister.add("job")
    async with client.open() as first, client.open() as second:
        await first.write(message("Ada", upload_id="job", offset=0))
        await first.until(lambda heard: heard.next_offset == 1)
        await second.write(message("Bob", upload_id="job", offset=1))
        await second.until(lambda heard: heard.next_offset == 2)
        if release == "this":
            await first.write(message("Cid", offset=1))
            heard = await first.ended()
            assert heard.code is grpc.StatusCode.FAILED_PRECONDITION
            assert "taken over" in heard.details
            assert heard.next_offset == 1
        await second.write(message("Dan"))
        await second.half_close()
        assert (await second.ended()).code is grpc.StatusCode.OK
    assert upload.next_offset == 3
    assert not any(text == "cid" for _, text, _ in upload.mentions)
