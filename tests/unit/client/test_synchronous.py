"""The library without asyncio, and data frames."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from newstally import (
    Article,
    GaveUp,
    InputError,
    NotFound,
    Progress,
    RetryPolicy,
    SyncNewstallyClient,
    UploadEvent,
    WindowLimits,
)
from newstally.client.frames import rows
from support.reference_gateway import Fault, ReferenceGateway


@pytest.fixture
async def gateway() -> AsyncIterator[ReferenceGateway]:
    async with ReferenceGateway(batch=10) as gateway:
        yield gateway


def open_client(
    gateway: ReferenceGateway, give_up_after: float | None = None
) -> SyncNewstallyClient:
    retry, window = RetryPolicy(give_up_after=give_up_after), WindowLimits(articles=20)
    return SyncNewstallyClient(gateway.target, retry=retry, window=window)


Blocking = Callable[[Callable[[SyncNewstallyClient], Any]], Awaitable[Any]]


@pytest.fixture
def blocking(gateway: ReferenceGateway) -> Blocking:
    """Runs code that blocks on a thread of its own, with a client."""

    def work(use: Callable[[SyncNewstallyClient], Any]) -> Any:
        with open_client(gateway) as client:
            return use(client)

    return lambda use: asyncio.to_thread(work, use)


def numbered(count: int) -> Iterator[Article]:
    return (Article("P", f"article {n}") for n in range(count))


async def test_an_upload_blocks_until_all_is_settled(
    gateway: ReferenceGateway, blocking: Blocking
) -> None:
    """More articles than window and feed hold, over streams that break; read by the caller."""
    threads = set()

    def articles() -> Iterator[Article]:
        for article in numbered(2000):
            threads.add(threading.get_ident())
            yield article

    def use(client: SyncNewstallyClient) -> Any:
        events: list[UploadEvent] = []
        summary = client.upload(articles(), upload_id="job", on_event=events.append)
        assert isinstance(events[-1], Progress)
        assert threads == {threading.get_ident()}
        return summary, client.get_upload("job"), [each.upload_id for each in client.uploads()]

    gateway.faults = iter([None, Fault.DROP, None, Fault.LOSE_PROGRESS])
    gateway.batch = 100
    summary, upload, listed = await blocking(use)
    assert (summary.counted, summary.articles, upload.next_offset) == (2000, 2000, 2000)
    assert gateway.articles("job") == [("P", f"article {n}") for n in range(2000)]
    assert listed == ["job"]


async def test_lists_are_read_over_all_pages(gateway: ReferenceGateway, blocking: Blocking) -> None:
    """Also more rows than come over at once."""

    def use(client: SyncNewstallyClient) -> tuple[int, ...]:
        client.upload(({"publication": "P", "content": ""} for _ in range(1203)), upload_id="bad")
        client.upload([Article("P", " ".join(f"w{n}" for n in range(700)))])
        found = (client.refusals("bad"), client.entity_tallies("p"), client.publications())
        return tuple(len(list(each)) for each in found)

    assert await blocking(use) == (1203, 700, 1)


async def test_an_error_says_where_the_upload_goes_on(
    gateway: ReferenceGateway, blocking: Blocking
) -> None:
    """Of the gateway: upload id and offset; of the input: itself, with a note. No thread stays."""

    def give_up() -> None:
        gateway.paused = True
        with open_client(gateway, give_up_after=0.5) as client:
            client.upload(numbered(500), upload_id="job")

    with pytest.raises(GaveUp) as caught:
        await asyncio.to_thread(give_up)
    assert (caught.value.upload_id, caught.value.next_offset) == ("job", 0)
    gateway.paused = False

    def broken() -> Iterator[Article]:
        yield from numbered(30)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await blocking(lambda client: client.upload(broken(), upload_id="job"))
    with pytest.raises(NotFound):
        await blocking(lambda client: client.get_upload("other"))
    done = await blocking(lambda client: client.upload(numbered(30), upload_id="job"))
    assert (done.counted, gateway.articles("job")[-1]) == (30, ("P", "article 29"))
    assert "newstally client" not in [thread.name for thread in threading.enumerate()]


async def test_a_client_that_is_not_open_says_so(gateway: ReferenceGateway) -> None:
    """And one that is used where it would wait for itself."""
    client = SyncNewstallyClient(gateway.target)
    with pytest.raises(RuntimeError, match="use SyncNewstallyClient with `with`"):
        client.get_upload("job")

    def inside() -> None:
        def ask(_event: UploadEvent) -> None:
            client.get_upload("job")

        with client:
            client.upload(numbered(1), upload_id="job", on_event=ask)

    with pytest.raises(RuntimeError, match="not from on_event"):
        await asyncio.to_thread(inside)


FRAME = pd.DataFrame(
    {
        "publication": ["P", "P", None, "P"],
        "content": ["x", float("nan"), "y", "z"],
        "article_id": [1, 2, 3, 4],
        "publish_time": pd.to_datetime(["2026-04-06", None, None, "2026-04-07"], utc=True),
        "other": [1.5, None, 2.5, 3.5],
    },
    index=[7, 8, 9, 9],
)


@pytest.mark.parametrize("frame", [FRAME, pa.Table.from_pandas(FRAME)], ids=["pandas", "pyarrow"])
async def test_a_data_frame_is_read_row_by_row(
    gateway: ReferenceGateway, blocking: Blocking, frame: Any
) -> None:
    """What is missing is refused in its turn; columns that no article has do no harm."""
    summary = await blocking(lambda client: client.upload(frame, upload_id="frame"))
    assert gateway.articles("frame") == [("P", "x"), ("P", "z")]
    reasons = [(refusal.offset, refusal.reason.value) for refusal in summary.refusals]
    assert reasons == [(1, "CONTENT_EMPTY"), (2, "PUBLICATION_EMPTY")]


class Polars:
    """As much of a frame of polars as is used."""

    columns = ("publication", "content", "other")

    def select(self, names: list[str]) -> "Polars":
        assert names == ["publication", "content"]
        return self

    def iter_rows(self, *, named: bool) -> Iterator[dict[str, str]]:
        assert named
        yield {"publication": "P", "content": "x"}


def test_what_cannot_be_articles_is_told_at_once() -> None:
    """A frame without the columns, one article in place of many; else nothing is changed."""
    with pytest.raises(InputError, match=r"no column content; there are: publication, text"):
        rows(pd.DataFrame({"publication": ["P"], "text": ["x"]}))
    with pytest.raises(InputError, match="pass a list of articles"):
        rows({"publication": "P", "content": "x"})
    articles = [Article("P", "x", publish_time=datetime(2026, 4, 6, tzinfo=UTC))]
    assert rows(articles) is articles
    assert list(rows(Polars())) == [{"publication": "P", "content": "x"}]  # type: ignore[arg-type]
