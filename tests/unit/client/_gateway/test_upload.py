"""`NewstallyClient.upload` against the reference gateway."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import grpc
import pytest
from newstally import (
    Article,
    GatewayBusy,
    InvalidRequest,
    NewstallyClient,
    NotFound,
    Progress,
    Refusal,
    RefusalReason,
    RetryPolicy,
    UploadEvent,
    UploadTakenOver,
    UploadWentBackwards,
    Waiting,
    WindowLimits,
)
from support.reference_gateway import Fault, ReferenceGateway

PASSING = [fault for fault in Fault if fault is not Fault.TAKEN_OVER]
QUICK = RetryPolicy(first_delay=0.001, longest_delay=0.01)
WATCHFUL = replace(QUICK, event_timeout=0.25, call_timeout=2.0)
"""For silence: a machine that stands still for so long breaks a stream, too."""


def articles(number: int, size: int = 20) -> list[Article]:
    return [Article("The Daily", f"article {n} " + "x" * size, f"id-{n}") for n in range(number)]


def as_counted(items: list[Article]) -> list[tuple[str, str]]:
    return [(article.publication, article.content) for article in items]


async def test_every_article_is_settled_and_the_summary_says_so() -> None:
    """An undisturbed upload counts each article once, in order."""
    items = articles(500)
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        summary = await client.upload(items)
    assert gateway.articles(summary.upload_id) == as_counted(items)
    assert (summary.articles, summary.next_offset, summary.counted) == (500, 500, 500)
    assert (summary.refused, summary.refusals) == (0, ())
    assert summary.mentions == 1500
    assert gateway.streams == 1


async def test_an_async_input_is_taken_too() -> None:
    """Asynchronous iterables are inputs like any other."""
    items = articles(100)

    async def source() -> AsyncIterator[Article]:
        for article in items:
            await asyncio.sleep(0)
            yield article

    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        summary = await client.upload(source(), upload_id="job-1")
    assert summary.upload_id == "job-1"
    assert gateway.articles("job-1") == as_counted(items)


async def test_an_empty_input_makes_an_upload_without_articles() -> None:
    """No article, no stream, no error."""
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        summary = await client.upload([])
    assert (summary.next_offset, summary.articles) == (0, 0)
    assert gateway.streams == 0


async def test_the_same_upload_again_changes_nothing() -> None:
    """Repeating a finished upload from offset 0 sends nothing and ends well."""
    items = articles(120)
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        await client.upload(items, upload_id="job")
        received = gateway.received
        summary = await client.upload(items, upload_id="job")
    assert gateway.received == received
    assert (summary.next_offset, summary.counted, summary.articles) == (120, 120, 120)


async def test_a_begun_upload_goes_on_where_it_stands() -> None:
    """Articles below next_offset are read over and not sent."""
    items = articles(120)
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        await client.upload(items[:70], upload_id="job")
        await client.upload(items, upload_id="job")
    assert gateway.received == 120
    assert gateway.articles("job") == as_counted(items)


@pytest.mark.parametrize("fault", PASSING)
async def test_each_kind_of_fault_is_survived(fault: Fault) -> None:
    """Whatever breaks a stream, the upload goes on and each article is settled once."""
    items = articles(200)
    async with (
        ReferenceGateway([None, fault, None, fault], batch=20) as gateway,
        # Small, so that no drain can settle all that is left.
        NewstallyClient(gateway.target, retry=WATCHFUL, window=WindowLimits(articles=50)) as client,
    ):
        summary = await client.upload(items, upload_id="job")
    assert gateway.articles("job") == as_counted(items)
    assert summary.next_offset == 200
    assert gateway.streams >= 3  # a slow machine may add one: the watchdog is short here


@pytest.mark.parametrize("seed", range(20))
async def test_any_sequence_of_disruptions_settles_each_article_exactly_once(seed: int) -> None:
    """Under seeded faults of streams and calls: every article once, the window never exceeded."""
    rng = random.Random(seed)
    items = articles(rng.randrange(1, 400), size=rng.randrange(10, 20_000))
    limits = WindowLimits(articles=rng.randrange(1, 100), size_bytes=2 * 1024 * 1024)
    faults = [rng.choice(PASSING) if rng.random() < 0.5 else None for _ in range(rng.randrange(20))]
    async with (
        ReferenceGateway(faults, batch=rng.randrange(1, 60)) as gateway,
        NewstallyClient(gateway.target, retry=WATCHFUL, window=limits) as client,
    ):
        gateway.unary_failures = [grpc.StatusCode.UNAVAILABLE] * rng.randrange(4)
        summary = await client.upload(items, upload_id="job")
    assert gateway.articles("job") == as_counted(items)
    assert summary.next_offset == len(items)
    assert gateway.most_unsettled <= limits.articles
    assert gateway.most_unsettled_bytes <= limits.size_bytes


async def test_the_input_is_read_no_further_than_the_window() -> None:
    """While nothing settles, an endless input is read to the bound and one article beyond."""
    pulled = 0

    def endless() -> Iterator[Article]:
        nonlocal pulled
        for number in itertools.count():
            pulled += 1
            yield Article("P", f"text {number}")

    async with (
        ReferenceGateway() as gateway,
        NewstallyClient(gateway.target, window=WindowLimits(articles=50)) as client,
    ):
        gateway.paused = True
        waited = asyncio.Event()
        heartbeats_when_full = 0

        def observe(event: UploadEvent) -> None:
            nonlocal heartbeats_when_full
            heartbeats_when_full += gateway.most_unsettled >= 50
            if heartbeats_when_full == 3:
                waited.set()

        upload = asyncio.create_task(client.upload(endless(), on_event=observe))
        await waited.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
    assert gateway.most_unsettled == 50
    assert pulled == 51


async def test_a_slow_input_keeps_its_stream_open() -> None:
    """Heartbeats keep an idle stream alive: no reconnect while the input has nothing."""
    release = asyncio.Event()

    async def source() -> AsyncIterator[Article]:
        yield Article("P", "one")
        await release.wait()
        yield Article("P", "two")

    heartbeats = 0

    def observe(event: UploadEvent) -> None:
        nonlocal heartbeats
        heartbeats += isinstance(event, Progress)
        if heartbeats == 10:
            release.set()

    async with (
        ReferenceGateway() as gateway,
        NewstallyClient(gateway.target) as client,
    ):
        summary = await client.upload(source(), on_event=observe)
    assert summary.counted == 2
    assert gateway.streams == 1


async def test_a_stream_that_breaks_does_not_end_the_input() -> None:
    """An async generator that is waiting for its next article survives a broken stream."""
    broken = asyncio.Event()

    async def source() -> AsyncIterator[Article]:
        yield Article("P", "one")
        await broken.wait()
        yield Article("P", "two")

    async with (
        ReferenceGateway([Fault.DROP]) as gateway,
        NewstallyClient(gateway.target, retry=QUICK) as client,
    ):
        summary = await client.upload(
            source(), on_event=lambda event: broken.set() if isinstance(event, Waiting) else None
        )
    assert summary.counted == 2


async def test_articles_no_gateway_takes_are_refused_and_the_rest_goes_on() -> None:
    """Too long, empty or not encodable: refused in order, or mended, never the end."""
    items = [
        Article("P", "x" * 6_000_000, "long"),
        Article("P" * 5_000_000, "text", "publication"),
        Article("a" + " " * 5000 + "b", "text", "spaces"),
        Article("P", "text", "i" * 5_000_000),
        Article("", "", "empty"),
        Article("P", "half a pair: \ud83d", "surrogate"),
        Article("P", "last"),
    ]
    events: list[UploadEvent] = []
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        summary = await client.upload(items, on_event=events.append)
        listed = [refusal async for refusal in client.refusals(summary.upload_id)]
    assert [refusal.reason for refusal in summary.refusals] == [
        RefusalReason.CONTENT_TOO_LONG,
        RefusalReason.PUBLICATION_TOO_LONG,
        RefusalReason.PUBLICATION_TOO_LONG,
        RefusalReason.ARTICLE_ID_TOO_LONG,
        RefusalReason.PUBLICATION_EMPTY,
    ]
    assert [refusal.offset for refusal in summary.refusals] == [0, 1, 2, 3, 4]
    assert [event for event in events if isinstance(event, Refusal)] == listed
    assert gateway.articles(summary.upload_id) == [("P", "half a pair: \ufffd"), ("P", "last")]


async def test_an_upload_that_went_backwards_is_for_a_person_to_look_at() -> None:
    """When acknowledged articles are gone, the upload ends with UploadWentBackwards."""
    async with (
        ReferenceGateway([None, Fault.ABORTED], batch=20) as gateway,
        NewstallyClient(gateway.target, retry=QUICK, window=WindowLimits(articles=20)) as client,
    ):

        def observe(event: UploadEvent) -> None:
            if isinstance(event, Waiting):
                gateway.journals["job"].next_offset = 0

        with pytest.raises(UploadWentBackwards, match="articles were acknowledged, but now only 0"):
            await client.upload(articles(100), upload_id="job", on_event=observe)


async def test_an_upload_that_vanished_is_not_begun_anew() -> None:
    """NOT_FOUND after a reconnect is permanent, never a silent new start."""
    async with (
        ReferenceGateway([None, Fault.DROP], batch=20) as gateway,
        NewstallyClient(gateway.target, retry=QUICK) as client,
    ):

        def observe(event: UploadEvent) -> None:
            if isinstance(event, Waiting):
                gateway.journals.clear()

        with pytest.raises(NotFound):
            await client.upload(articles(100), upload_id="job", on_event=observe)


async def test_an_upload_that_must_exist_is_never_made() -> None:
    """must_exist: NotFound if it does not, as any upload if it does; an id is needed."""
    items = articles(10)
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        with pytest.raises(NotFound):
            await client.upload(items, upload_id="job", must_exist=True)
        assert gateway.journals == {}
        await client.create_upload("job")
        summary = await client.upload(items, upload_id="job", must_exist=True)
        with pytest.raises(ValueError, match="upload_id"):
            await client.upload(items, must_exist=True)
    assert summary.next_offset == 10


async def test_a_malformed_upload_id_is_not_retried() -> None:
    """INVALID_ARGUMENT is raised at once as InvalidRequest."""
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        with pytest.raises(InvalidRequest, match="malformed"):
            await client.upload([], upload_id="-x")


async def test_the_gateways_wish_to_wait_is_obeyed() -> None:
    """RetryInfo sets the least delay."""
    waits: list[Waiting] = []
    async with (
        ReferenceGateway([Fault.BUSY]) as gateway,
        NewstallyClient(gateway.target, retry=QUICK) as client,
    ):
        gateway.read_away_seconds = 60.0
        await client.upload(
            articles(10),
            on_event=lambda event: waits.append(event) if isinstance(event, Waiting) else None,
        )
    (wait,) = waits
    assert isinstance(wait.error, GatewayBusy)
    assert wait.seconds >= 0.01


async def test_an_upload_that_was_taken_over_is_not_taken_back() -> None:
    """Two clients would go on like that for ever: it is told, and no other stream is opened."""
    heard: list[object] = []
    async with (
        ReferenceGateway([Fault.TAKEN_OVER]) as gateway,
        NewstallyClient(gateway.target, retry=QUICK) as client,
    ):
        gateway.read_away_seconds = 60.0
        with pytest.raises(UploadTakenOver, match="taken this upload over"):
            await client.upload(articles(10), upload_id="job", on_event=heard.append)
        assert not any(isinstance(event, Waiting) for event in heard)
        assert (await client.get_upload("job")).next_offset == 0


async def test_what_the_input_raises_comes_out_unchanged() -> None:
    """An error of the caller's own iterable is not wrapped or retried."""

    def broken() -> Iterator[Article]:
        yield Article("P", "one")
        raise LookupError("no more")

    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        with pytest.raises(LookupError, match="no more"):
            await client.upload(broken())


async def test_two_clients_in_one_upload_settle_each_article_once() -> None:
    """A client that finds another ahead of it reads over what is settled."""
    items = articles(300)
    async with (
        ReferenceGateway(batch=7) as gateway,
        NewstallyClient(gateway.target, window=WindowLimits(articles=30)) as one,
        NewstallyClient(gateway.target, window=WindowLimits(articles=20)) as two,
    ):
        await asyncio.gather(one.upload(items, upload_id="job"), two.upload(items, upload_id="job"))
    assert gateway.articles("job") == as_counted(items)


async def test_going_on_elsewhere_is_no_event() -> None:
    """A gateway that asks for it has failed in nothing: nobody waits, nobody hears."""
    events: list[UploadEvent] = []
    async with (
        ReferenceGateway([None, Fault.DRAIN, None, Fault.DRAIN], batch=20) as gateway,
        NewstallyClient(gateway.target) as client,
    ):
        summary = await client.upload(articles(200), on_event=events.append)
    assert summary.counted == 200
    assert not [event for event in events if isinstance(event, Waiting)]


async def test_rows_of_a_data_frame_never_end_an_upload() -> None:
    """NaN and None are empty, numbers are ids, and what is no article is refused as such."""
    rows: list[Any] = [
        {"publication": "P", "content": "one", "article_id": 7},
        {"publication": float("nan"), "content": "x"},
        {"publication": "P", "content": None},
        Article("nan", "x"),
        Article("P", 5),  # type: ignore[arg-type]
        ["P", "x"],
        None,
        {"publication": "P", "content": "two", "title": "more"},
    ]
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        summary = await client.upload(rows)
    assert gateway.articles(summary.upload_id) == [("P", "one"), ("P", "two")]
    assert [refusal.reason.value for refusal in summary.refusals] == [
        "PUBLICATION_EMPTY",
        "CONTENT_EMPTY",
        "PUBLICATION_EMPTY",
        "MALFORMED",
        "MALFORMED",
        "MALFORMED",
    ]
