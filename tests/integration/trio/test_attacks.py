"""The short form of `make attacks`: one attack of each kind, on real processes."""

import asyncio
from pathlib import Path

import pytest
from attacks import calls, connections, frames, links, streams, texts
from attacks.__main__ import MARKS, write
from attacks.attacking import CATALOGUE
from attacks.suite import BACK_SECONDS, MOST_MEGABYTES, Suite
from newstally import Article
from support.processes import REPOSITORY
from support.trio import Trio

MODULES = (calls, connections, frames, links, streams, texts)
ARTICLES = [Article("", f"Ada{number} met Bob in Cairo while it rained") for number in range(20)]
SHORT = (
    "idle_connections",
    "continuation_that_stops",
    "header_bomb",
    "large_metadata",
    "unfinished_calls",
    "whole_calls_reset_at_once",
    "malformed_requests",
    "odd_ids",
    "unfinished_articles",
    "departed_clients",
    "streams_reset_at_once",
    "malformed_links",
)
SECONDS = 1.0
SLACK = 10
"""For a machine that has other things to do: here nothing is measured, only that all goes on."""


@pytest.mark.slow
def test_an_innocent_upload_is_exact_beside_attacks(tmp_path: Path) -> None:
    """Its tallies are those of a recount, memory stays bounded, and afterwards all is well."""

    async def attack() -> None:
        suite = Suite(trio, ARTICLES, SECONDS, seed=7, head_start_seconds=SECONDS)
        await suite.prepare()
        for name in SHORT:
            outcome = await suite.run(CATALOGUE[name])
            assert outcome.exact, name
            assert outcome.megabytes <= MOST_MEGABYTES, name
            assert outcome.back_seconds <= SLACK * BACK_SECONDS, name

    with Trio(tmp_path, extractors=1, persister_flags=("--flush-age", "0.2")) as trio:
        asyncio.run(attack())
        for process in trio.processes:
            log = process.log_path.read_text()
            assert "Traceback" not in log
            assert len(log) < 20_000, "peers do not fill the log"


def test_the_suite_is_as_wide_as_it_says() -> None:
    """At least thirty attacks, of every module, each with a sentence that says what it does."""
    assert len(CATALOGUE) >= 60
    assert {attack.run.__module__ for attack in CATALOGUE.values()} == {
        module.__name__ for module in MODULES
    }
    assert all(attack.run.__doc__ for attack in CATALOGUE.values())


def test_the_table_gets_its_place_in_the_page(tmp_path: Path) -> None:
    """What stands between the marks is replaced, each time, and nothing else."""
    text = (REPOSITORY / "docs" / "guarantees.md").read_text()
    page = tmp_path / "page.md"
    page.write_text(text)
    for lines in (["first", "table"], ["second"]):
        write(page, lines)
    before, _, rest = text.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    assert page.read_text() == f"{before}{MARKS[0]}\nsecond\n{MARKS[1]}{after}"
    assert after
