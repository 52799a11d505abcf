"""The promise, with real processes and real kills: what was acknowledged is counted once."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
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

DEADLINE_SECONDS = 120.0
SLOW = {engines.SLEEP_VARIABLE: "4"}


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    """A gateway, two extractors that take 4 ms per article, a persister."""
    prepared = Trio(tmp_path, extractors=2)
    for extractor in prepared.extractors:
        extractor.environment.update(SLOW)
    with prepared:
        yield prepared


async def upload(
    target: str,
    articles: list[Article],
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
    articles = make_articles(4000)
    process: Process = {
        "gateway": trio.gateway,
        "extractor": trio.extractors[0],
        "persister": trio.persister,
    }[victim]
    marks = iter((100, 900, 1800))
    mark = next(marks)
    kills = 0
    due = asyncio.Event()

    def watch(event: UploadEvent) -> None:
        if isinstance(event, Progress) and event.upload.next_offset >= mark:
            due.set()

    async def murder() -> None:
        nonlocal mark, kills
        while True:
            await due.wait()
            await asyncio.to_thread(process.kill)
            await asyncio.to_thread(process.start)
            kills += 1
            mark = next(marks, len(articles) + 1)
            due.clear()

    murderer = asyncio.create_task(murder())
    try:
        summary = await upload(trio.gateway.address, articles, "killed", watch)
    finally:
        murderer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await murderer
    assert kills >= 2
    assert (summary.counted, summary.refused) == (4000, 0)
    await assert_counted_once(trio.gateway.address, articles)


async def test_a_killed_client_resumes(trio: Trio, tmp_path: Path) -> None:
    """`newstally upload` is killed with -9 and run again with --resume: nothing lost or doubled."""
    articles = make_articles(600)
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
    flags = ["--engine", "support.engines:rules", "--hard-limit", "1"]
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
    """Draining: exit code 0 within the drain time, and nothing is lost or doubled."""
    articles = make_articles(4000)
    running = asyncio.create_task(upload(trio.gateway.address, articles, "drained"))
    for process in (trio.extractors[1], trio.gateway, trio.persister):
        await asyncio.to_thread(wait_for_more, trio)
        assert await asyncio.to_thread(process.terminate) == 0
        await asyncio.to_thread(process.start)
    summary = await running
    assert summary.counted == 4000
    await assert_counted_once(trio.gateway.address, articles)


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


def wait_for_more(trio: Trio) -> None:
    """Return when the persister has recorded more articles than now."""
    name = "newstally_persister_articles_total"
    before = trio.persister.metric(name)
    eventually(lambda: trio.persister.metric(name) > before, what="more articles recorded")


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
