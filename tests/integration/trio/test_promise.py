"""The promise, with real processes and real kills: what was acknowledged is counted once."""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from newstally import (
    Article,
    NewstallyClient,
    Progress,
    RefusalReason,
    UploadEvent,
    UploadSummary,
    UploadTakenOver,
)
from support import engines
from support.corpus import assert_counted_once, make_articles, totals
from support.processes import Process, eventually
from support.trio import Trio

DEADLINE_SECONDS = 240.0
SLOW = {engines.SLEEP_VARIABLE: "4"}


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    """A gateway, two extractors that take 4 ms per article, a persister."""
    prepared = Trio(tmp_path, extractors=2)
    for extractor in prepared.extractors:
        extractor.environment.update(SLOW)
    with prepared:
        yield prepared


class Feed:
    """Articles that come until enough has happened."""

    def __init__(self) -> None:
        self.sent: list[Article] = []
        self.ends = False
        self._settled = 0
        self._news = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Article]:
        for article in itertools.cycle(make_articles(1_000)):
            if self.ends:
                return
            self.sent.append(article)
            yield article

    def heard(self, event: UploadEvent) -> None:
        """Note how far it is."""
        if isinstance(event, Progress):
            self._settled = max(self._settled, event.upload.next_offset)
            self._news.set()

    async def flows(self, uploading: "asyncio.Task[UploadSummary]") -> None:
        """Return when a hundred more are settled; fail when the upload ends before."""
        goal = self._settled + 100
        while self._settled < goal:
            self._news.clear()
            news = asyncio.create_task(self._news.wait())
            await asyncio.wait({news, uploading}, return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
            assert not uploading.done(), uploading


async def upload(
    target: str,
    articles: list[Article] | Feed,
    upload_id: str,
    on_event: Callable[[UploadEvent], None] | None = None,
) -> UploadSummary:
    """Upload and wait until it is applied."""
    async with asyncio.timeout(DEADLINE_SECONDS), NewstallyClient(target) as client:
        summary = await client.upload(articles, upload_id=upload_id, on_event=on_event)
        await client.wait_applied(upload_id)
    return summary


async def test_counts_equal_a_plain_recount(trio: Trio) -> None:
    """Articles per publication, mentions and articles per entity: equal to the last count."""
    articles = make_articles(300)
    summary = await upload(trio.gateway.address, articles, "plain")
    assert (summary.next_offset, summary.counted, summary.refused) == (300, 300, 0)
    assert summary.models == ("test_rules 1",)
    await assert_counted_once(trio.gateway.address, articles)


async def test_sending_everything_again_changes_nothing(trio: Trio) -> None:
    """The same upload from offset 0, by the simplest client: every offset is passed over."""
    articles = make_articles(100)
    first = await upload(trio.gateway.address, articles, "again")
    second = await upload(trio.gateway.address, articles, "again")
    assert (second.next_offset, second.mentions) == (first.next_offset, first.mentions)
    await assert_counted_once(trio.gateway.address, articles)


@pytest.mark.parametrize("victim", ["gateway", "extractor", "persister"])
async def test_kill_9_in_the_middle_loses_nothing_and_doubles_nothing(
    trio: Trio, victim: str
) -> None:
    """Each service is killed three times while articles flow; the client goes on by itself."""
    feed = Feed()
    process: Process = {
        "gateway": trio.gateway,
        "extractor": trio.extractors[0],
        "persister": trio.persister,
    }[victim]
    uploading = asyncio.create_task(upload(trio.gateway.address, feed, "killed", feed.heard))
    for _ in range(3):
        await feed.flows(uploading)
        await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
    await feed.flows(uploading)
    feed.ends = True
    summary = await uploading
    assert (summary.counted, summary.refused) == (len(feed.sent), 0)
    await assert_counted_once(trio.gateway.address, feed.sent)


async def test_a_killed_client_resumes(trio: Trio, tmp_path: Path) -> None:
    """`newstally upload` is killed with -9 and run again with --resume: nothing lost or doubled."""
    articles = make_articles(600)
    release = tmp_path / "release"
    held = f"{articles[300].content} {engines.HOLD.format(release)}"
    articles[300] = replace(articles[300], content=held)  # it cannot end before it is killed
    source = tmp_path / "articles.jsonl"
    write_jsonl(source, articles)
    command = [
        *(sys.executable, "-m", "newstally", "upload", str(source)),
        *("--target", trio.gateway.address, "--state-dir", str(tmp_path / "state"), "--json"),
    ]
    first = subprocess.Popen(  # noqa: ASYNC220 - it is killed while this test watches
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        eventually(
            lambda: trio.persister.metric("newstally_persister_articles_total") >= 50,
            what="50 articles recorded",
        )
    finally:
        first.send_signal(signal.SIGKILL)
        first.communicate()
    assert first.returncode == -signal.SIGKILL
    release.touch()
    again = await asyncio.to_thread(
        subprocess.run,
        [*command, "--resume", "--wait-applied"],
        check=False,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert again.returncode == 0, again.stderr
    await assert_counted_once(trio.gateway.address, articles)


async def test_two_clients_through_two_gateways_on_one_upload(tmp_path: Path) -> None:
    """The later one ends well, the earlier one too or is told; the counts are equal."""
    articles = make_articles(800)
    prepared = Trio(tmp_path, extractors=2, gateways=2)
    for extractor in prepared.extractors:
        extractor.environment.update(SLOW)
    with prepared as trio:
        ends = await asyncio.gather(
            *(upload(gateway.address, articles, "shared") for gateway in trio.gateways),
            return_exceptions=True,
        )
        told = [end for end in ends if isinstance(end, UploadTakenOver)]
        assert len(told) <= 1
        through = [end for end in ends if isinstance(end, UploadSummary)]
        assert [end.counted for end in through] == [800] * (2 - len(told))
        await assert_counted_once(trio.gateway.address, articles)


@pytest.mark.parametrize("magic", [engines.DIE, engines.HANG_GIL])
async def test_poison_is_refused_and_its_neighbours_are_counted(tmp_path: Path, magic: str) -> None:
    """A text that kills or hangs its replica is refused after two deaths alone; others count."""
    articles = make_articles(60)
    poison = Article("The Lantern", f"Bad {magic}", "bad")
    articles.insert(30, poison)
    # Of what hangs; it is long enough for all else, on the busiest machine.
    flags = ["--engine", "support.engines:rules", "--hard-limit", "3"]
    with (
        Trio(tmp_path, extractors=2, extractor_flags=flags) as trio,
        resurrecting(*trio.extractors),
    ):
        summary = await upload(trio.gateway.address, articles, "poisoned")
        assert (summary.counted, summary.refused) == (60, 1)
        (refusal,) = summary.refusals
        assert (refusal.offset, refusal.article_id) == (30, "bad")
        assert refusal.reason is RefusalReason.POISON
        await assert_counted_once(
            trio.gateway.address, [article for article in articles if article is not poison]
        )


async def test_everything_waits_for_everything(tmp_path: Path) -> None:
    """The services start in any order; a client that came first waits and loses nothing."""
    articles = make_articles(50)
    with Trio(tmp_path, extractors=1) as trio:
        trio.persister.kill()
        trio.extractors[0].kill()
        waiting = asyncio.create_task(upload(trio.gateway.address, articles, "early"))
        for process in (trio.extractors[0], trio.persister):
            await asyncio.to_thread(process.start)
        summary = await waiting
        assert summary.counted == 50
        await assert_counted_once(trio.gateway.address, articles)


async def test_sigterm_of_each_service_during_an_upload(trio: Trio) -> None:
    """Draining: exit code 0, and nothing is lost or doubled."""
    feed = Feed()
    uploading = asyncio.create_task(upload(trio.gateway.address, feed, "drained", feed.heard))
    for process in (trio.extractors[1], trio.gateway, trio.persister):
        await feed.flows(uploading)
        assert await asyncio.to_thread(process.terminate) == 0
        await asyncio.to_thread(process.start)
    await feed.flows(uploading)
    feed.ends = True
    summary = await uploading
    assert summary.counted == len(feed.sent)
    await assert_counted_once(trio.gateway.address, feed.sent)


async def test_a_stream_of_articles_from_an_async_source(trio: Trio) -> None:
    """The library takes an async iterable just as well."""
    articles = make_articles(20)

    async def source() -> AsyncIterator[Article]:
        for article in articles:
            yield article

    async with NewstallyClient(trio.gateway.address) as client:
        summary = await client.upload(source())
        await client.wait_applied(summary.upload_id)
    await assert_counted_once(trio.gateway.address, articles)
    assert totals(articles)


def write_jsonl(path: Path, articles: list[Article]) -> None:
    """Write articles as the CLI reads them."""
    with path.open("w") as out:
        for article in articles:
            row = {"publication": article.publication, "content": article.content}
            out.write(json.dumps(row) + os.linesep)


@contextlib.contextmanager
def resurrecting(*processes: Process) -> Iterator[None]:
    """Start processes again whenever they end, as an operator's supervisor would."""
    stop = threading.Event()

    def watch(process: Process) -> None:
        while not stop.wait(0.05):
            if not process.running:
                process.kill()
                process.start()

    threads = [threading.Thread(target=watch, args=(process,)) for process in processes]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
