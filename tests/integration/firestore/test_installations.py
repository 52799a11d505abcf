"""Several installations write to one database: each has a journal, and uploads of its own."""

import asyncio
import hashlib
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from newstally import Article, NewstallyClient
from support.corpus import assert_counted_once, make_articles
from support.processes import Process, eventually
from support.trio import Trio

ARTICLES = make_articles(240, seed=18)
UPLOAD_ARTICLES = 20
UPLOADS = {
    f"upload-{first}": ARTICLES[first : first + UPLOAD_ARTICLES]
    for first in range(0, len(ARTICLES), UPLOAD_ARTICLES)
}
PARTS = "newstally_persister_parts_total"
PARTS_BEFORE = 5
SECONDS = 120.0


def installation(directory: Path, emulator: str, layout: str) -> Trio:
    """Three services; small parts and flushes, so that both write at the same time."""
    made = Trio(
        directory,
        extractors=1,
        persister_flags=[
            *("--sink", "firestore", "--firestore-layout", layout),
            *("--flush-age", "0.2", "--firestore-part-writes", "20"),
        ],
    )
    made.persister.environment.update(
        FIRESTORE_EMULATOR_HOST=emulator, GOOGLE_CLOUD_PROJECT=f"installations-{layout}"
    )
    return made


async def upload(trios: list[Trio], upload_id: str, articles: list[Article]) -> None:
    """Send an upload twice to the installation that its id says, and wait until it is applied."""
    chosen = hashlib.sha256(upload_id.encode()).digest()[0] % len(trios)
    async with NewstallyClient(trios[chosen].gateway.address) as client:
        summary = await client.upload(articles, upload_id=upload_id)
        assert (summary.counted, summary.refused) == (len(articles), 0)
        await client.upload(articles, upload_id=upload_id)
        await client.wait_applied(upload_id)


def writes(persister: Process) -> bool:
    """Whether it is in the middle of flushes."""
    return persister.metric(PARTS) >= PARTS_BEFORE


async def kill_in_turns(trios: list[Trio]) -> None:
    """Kill each persister in the middle of flushes, and start it again."""
    for trio in trios:
        await asyncio.to_thread(eventually, partial(writes, trio.persister), SECONDS)
        await asyncio.to_thread(trio.persister.kill)
        await asyncio.to_thread(trio.persister.start)


@pytest.mark.parametrize("layout", ["documents", "compact"])
async def test_installations_share_a_database(layout: str, tmp_path: Path, emulator: str) -> None:
    """All sent at once and twice, persisters killed: both show all articles, counted once."""
    with ExitStack() as stack:
        trios = [
            await asyncio.to_thread(
                stack.enter_context, installation(tmp_path / str(number), emulator, layout)
            )
            for number in range(2)
        ]
        async with asyncio.timeout(SECONDS):
            await asyncio.gather(
                kill_in_turns(trios),
                *(upload(trios, each, articles) for each, articles in UPLOADS.items()),
            )
            for trio in trios:
                await assert_counted_once(trio.gateway.address, ARTICLES)
