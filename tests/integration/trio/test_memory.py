"""Memory stays flat over a long upload while the extractors answer slowly."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support import engines
from support.corpus import make_articles
from support.trio import Trio

ARTICLES = 20_000
WARM = 1_000
ALLOWED_BYTES = 50 * 1024 * 1024


@pytest.mark.slow
def test_gateway_persister_and_client_stay_flat_over_20000_articles(tmp_path: Path) -> None:
    """Each stays within 50 MB of its level after 1,000 articles."""
    source = tmp_path / "articles.jsonl"
    with source.open("w") as out:
        for article in make_articles(ARTICLES, words=300):
            row = {"publication": article.publication, "content": article.content}
            out.write(json.dumps(row) + "\n")
    prepared = Trio(tmp_path, extractors=2)
    for extractor in prepared.extractors:
        extractor.environment[engines.SLEEP_VARIABLE] = "1"
    with prepared as trio:
        client = subprocess.Popen(
            [
                *(sys.executable, "-m", "newstally", "upload", str(source)),
                *("--target", trio.gateway.address, "--state-dir", str(tmp_path / "state")),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        watched = {
            "client": psutil.Process(client.pid),
            "gateway": psutil.Process(trio.gateway.pid),
            "persister": psutil.Process(trio.persister.pid),
        }
        level: dict[str, int] = {}
        peak: dict[str, int] = {}
        deadline = time.monotonic() + 500
        try:
            while client.poll() is None:
                assert time.monotonic() < deadline, "the upload does not end"
                settled = trio.persister.metric("newstally_persister_articles_total")
                for name, process in watched.items():
                    try:
                        resident = process.memory_info().rss
                    except psutil.NoSuchProcess:
                        continue
                    if settled < WARM:
                        continue
                    level.setdefault(name, resident)
                    peak[name] = max(peak.get(name, 0), resident)
                time.sleep(0.05)
        finally:
            client.kill()
            client.wait()
        assert client.returncode == 0
        assert trio.persister.metric("newstally_persister_articles_total") == ARTICLES
    growth = {name: peak[name] - level[name] for name in watched}
    assert all(grown < ALLOWED_BYTES for grown in growth.values()), growth
