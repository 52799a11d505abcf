"""Firestore is down for the whole of an upload of real articles, and comes back."""

import asyncio
import gzip
import json
import os
import time
from pathlib import Path

import pytest
from newstally import Article, NewstallyClient
from support.corpus import assert_counted_once
from support.line import Line
from support.processes import REPOSITORY
from support.trio import Trio

SHARED = REPOSITORY.parent / "shared" / "articles" / "articles.jsonl.gz"
VARIABLE = "NEWSTALLY_OUTAGE_ARTICLES"
"""How many of the shared articles; 0 means all."""
BACK_SECONDS = 180.0
"""By then everything has arrived: a minute, and two more for an emulator that is slow."""
UPLOAD_SECONDS = 250.0


def shared_articles(number: int) -> list[Article]:
    """Read the first articles; skip the test where they are not at hand."""
    if not SHARED.exists():
        pytest.skip(f"no real articles: {SHARED} does not exist")
    with gzip.open(SHARED, "rt") as lines:
        rows = [json.loads(line) for line in lines]
    return [Article(row["publication"], row["content"]) for row in rows[: number or None]]


@pytest.mark.slow
@pytest.mark.parametrize("layout", ["documents", "compact"])
async def test_everything_is_acknowledged_and_arrives_once(
    layout: str, tmp_path: Path, emulator: str
) -> None:
    """No article waits for Firestore; when it is back the recount is equal soon."""
    articles = shared_articles(int(os.environ.get(VARIABLE, "400")))
    with Line(emulator) as line:
        line.cut()
        prepared = Trio(
            tmp_path,
            extractors=2,
            persister_flags=["--sink", "firestore", "--firestore-layout", layout],
        )
        prepared.persister.environment.update(
            FIRESTORE_EMULATOR_HOST=line.address,
            GOOGLE_CLOUD_PROJECT=f"outage-{time.time_ns()}",
        )
        with prepared as trio:
            async with NewstallyClient(trio.gateway.address) as client:
                async with asyncio.timeout(UPLOAD_SECONDS):
                    summary = await client.upload(articles, upload_id="outage")
                assert (summary.counted, summary.refused) == (len(articles), 0)
                assert (await client.get_upload("outage")).applied_offset == 0
                sink = json.loads(trio.persister.admin("/readyz"))
                assert sink["ready"] is True
                line.mend()
                began = time.monotonic()
                async with asyncio.timeout(BACK_SECONDS):
                    await client.wait_applied("outage")
                print(f"{len(articles)} articles arrived in {time.monotonic() - began:.1f} s")
            await assert_counted_once(trio.gateway.address, articles)
