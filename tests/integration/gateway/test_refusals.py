"""Articles that are not counted: refused in the stream, while the rest goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from newstally_protos.v1 import article_pb2, gateway_pb2
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_protos.wire import retry_delay_seconds
from support.gateway_wire import Client, article, gateway_client, message, messages
from support.reference_extractor import ReferenceExtractor
from support.reference_persister import ReferencePersister


@pytest.fixture
async def client(
    tmp_path: Path, persister: ReferencePersister, extractor: ReferenceExtractor
) -> AsyncIterator[Client]:
    flags = ("--max-content-bytes", "20000")
    async with gateway_client(tmp_path, persister, [extractor], *flags) as client:
        yield client


async def refused_between_good_ones(
    client: Client, persister: ReferencePersister, bad: gateway_pb2.StreamArticlesRequest
) -> str:
    """Send a bad article between two good ones; return the reason of its refusal."""
    upload = persister.add("job")
    heard = await client.stream([message("Ada", upload_id="job", offset=0), bad, message("Bob")])
    assert heard.code is grpc.StatusCode.OK
    assert (upload.next_offset, upload.counted) == (3, 2)
    assert [refusal.offset for refusal in heard.refusals] == [1]
    assert heard.refusals == upload.refusals
    assert len(heard.refusals[0].message.encode()) <= 256
    return RefusalReason.Name(heard.refusals[0].reason).removeprefix("REFUSAL_REASON_")


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (gateway_pb2.StreamArticlesRequest(), "ARTICLE_MISSING"),
        (gateway_pb2.StreamArticlesRequest(article=article("x", " \n")), "PUBLICATION_EMPTY"),
        (
            gateway_pb2.StreamArticlesRequest(article=article("x", "p" * 4097)),
            "PUBLICATION_TOO_LONG",
        ),
        (gateway_pb2.StreamArticlesRequest(article=article("\t ")), "CONTENT_EMPTY"),
        (gateway_pb2.StreamArticlesRequest(article=article("ü" * 10_001)), "CONTENT_TOO_LONG"),
        (gateway_pb2.StreamArticlesRequest(article=article("x" * 3_900_000)), "CONTENT_TOO_LONG"),
        (
            gateway_pb2.StreamArticlesRequest(article=article("x", article_id="ü" * 129)),
            "ARTICLE_ID_TOO_LONG",
        ),
        (
            gateway_pb2.StreamArticlesRequest(
                article=article_pb2.Article(
                    publication="P", content="x", publish_time=Timestamp(seconds=253_402_300_800)
                )
            ),
            "PUBLISH_TIME_INVALID",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_bad_article_is_refused_and_the_rest_goes_on(
    client: Client,
    persister: ReferencePersister,
    bad: gateway_pb2.StreamArticlesRequest,
    reason: str,
) -> None:
    """One bad article never ends an upload: it takes its offset and is refused."""
    assert await refused_between_good_ones(client, persister, bad) == reason


async def test_an_article_that_the_pipeline_cannot_process_is_refused(
    client: Client, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """The replica's Failure becomes a refusal."""
    extractor.failing.add("Unspeakable")
    bad = message("Unspeakable")
    assert await refused_between_good_ones(client, persister, bad) == "EXTRACTION_FAILED"


async def test_a_result_that_breaks_the_protocol_is_refused(
    client: Client, persister: ReferencePersister, extractor: ReferenceExtractor
) -> None:
    """Whatever a replica answers, the journal gets a batch that it can take."""
    bad = message("W" + "ord" * 2000)  # one entity of 6,001 bytes: over the limit of its text
    assert await refused_between_good_ones(client, persister, bad) == "EXTRACTION_FAILED"


async def test_refusals_come_before_the_progress_that_covers_them(
    client: Client, persister: ReferencePersister
) -> None:
    """A client that stops at a progress has heard of every refusal below it."""
    persister.add("job")
    sent = messages([" " if n % 3 == 0 else "Ada" for n in range(900)], "job")
    heard = await client.stream(sent)
    assert [refusal.offset for refusal in heard.refusals] == list(range(0, 900, 3))
    refusals, progress, told = iter(heard.refusals), iter(heard.progress), 0
    for kind in heard.order:
        if kind == "refusal":
            told = next(refusals).offset + 1
        else:
            covered = next(progress).next_offset
            assert told >= covered - 2  # every third one is refused


async def test_a_message_over_the_limit_is_exhausted_for_good(
    client: Client, persister: ReferencePersister
) -> None:
    """gRPC itself refuses 5 MB: RESOURCE_EXHAUSTED without RetryInfo, which means never again."""
    upload = persister.add("job")
    async with client.open() as stream:
        await stream.write(message("Ada", upload_id="job", offset=0))
        await stream.until(lambda heard: heard.next_offset == 1)
        await stream.write(message("x" * 5_000_000))
        heard = await stream.ended()
    assert heard.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert heard.error is not None
    assert retry_delay_seconds(heard.error) is None
    again = await client.stream(messages(["Ada", "Bob"], "job"))
    assert again.code is grpc.StatusCode.OK
    assert upload.counted == 2


def without_utf8(request: gateway_pb2.StreamArticlesRequest) -> bytes:
    """Serialise a message as a client does that does not check: QQ is no UTF-8."""
    return request.SerializeToString().replace(b"QQ", b"\xff\xfe")


@pytest.mark.parametrize("first", [True, False])
async def test_an_article_that_is_not_utf8_is_refused_and_the_rest_goes_on(
    client: Client, persister: ReferencePersister, first: bool
) -> None:
    """Also as the first message, where a client comes that resumes."""
    upload = persister.add("job")
    good = [message("Ada", upload_id="job", offset=n).SerializeToString() for n in (0, 1, 2)]
    bad = 0 if first else 1
    request = message("QQ", upload_id="job", offset=bad)
    request.article.article_id = "seven"
    good[bad] = without_utf8(request)
    heard = await client.stream_bytes(*good)
    assert heard.code is grpc.StatusCode.OK
    assert (upload.next_offset, upload.counted) == (3, 2)
    assert heard.refusals == upload.refusals
    (refusal,) = heard.refusals
    assert (refusal.offset, refusal.article_id) == (bad, "seven")
    assert refusal.reason == RefusalReason.REFUSAL_REASON_MALFORMED


@pytest.mark.parametrize(
    "bad", [b"\x0a\xff", without_utf8(message("Ada", upload_id="QQ"))], ids=["frame", "upload_id"]
)
async def test_a_message_that_does_not_say_where_it_belongs_is_invalid(
    client: Client, persister: ReferencePersister, bad: bytes
) -> None:
    """What came before it is settled; to guess its offset might refuse the wrong article."""
    upload = persister.add("job")
    good = message("Ada", upload_id="job", offset=0).SerializeToString()
    heard = await client.stream_bytes(good, bad, message("Bob").SerializeToString())
    assert (heard.code, heard.next_offset) == (grpc.StatusCode.INVALID_ARGUMENT, 1)
    assert (await client.stream_bytes(bad)).code is grpc.StatusCode.INVALID_ARGUMENT
    assert (upload.next_offset, upload.counted) == (1, 1)
