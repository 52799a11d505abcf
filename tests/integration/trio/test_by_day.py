"""From a file with dates to answers by day, through every service: equal to a plain recount."""

import asyncio
import csv
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from newstally import Article, NewstallyClient
from newstally_protos.rising import Change, rise
from support.corpus import PUBLICATIONS, make_articles
from support.engines import Recounted, recount
from support.trio import Trio

BEGIN = datetime(2026, 4, 1, 22, 30, tzinfo=UTC)
DAYS = 21


@pytest.fixture
def trio(tmp_path: Path) -> Iterator[Trio]:
    with Trio(tmp_path, extractors=1) as prepared:
        yield prepared


def dated(number: int) -> list[Article]:
    """Return articles of three weeks, each seventh without a day; in the last, Zorba comes up."""
    found = []
    for index, article in enumerate(make_articles(number, words=20)):
        time = BEGIN + timedelta(days=index % DAYS)
        content = article.content + (" Zorba" if index % DAYS >= DAYS - 7 and index % 2 else "")
        found.append(replace(article, content=content, publish_time=time if index % 7 else None))
    return found


def write(articles: list[Article], path: Path) -> None:
    """Write them as Kaggle's news are written."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "publication", "date", "content"])
        for article in articles:
            time = article.publish_time
            day = "" if time is None else time.strftime("%Y-%m-%d %H:%M:%S")
            rows.writerow([article.article_id, article.publication, day, article.content])


def counts(articles: list[Article]) -> dict[tuple[str, str], Recounted]:
    return recount(article.content for article in articles)


async def test_answers_by_day_are_those_of_a_plain_recount(trio: Trio, tmp_path: Path) -> None:
    """What is mentioned most, what rises, one entity by day and by publication."""
    articles = dated(210)
    path = tmp_path / "news.csv"
    write(articles, path)
    target = trio.gateway.address
    command = [sys.executable, "-m", "newstally", "upload", str(path), "--target", target]
    command += ["--state-dir", str(tmp_path / "states"), "--wait-applied"]
    told = await asyncio.to_thread(
        lambda: subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    )
    assert "articles of the input: 180 with a time, 30 without; without one" in told.stdout
    since, until = (
        (BEGIN + timedelta(days=DAYS - 7)).date(),
        (BEGIN + timedelta(days=DAYS - 1)).date(),
    )
    week = [a for a in articles if a.publish_time and since <= a.publish_time.date() <= until]
    before = [a for a in articles if a.publish_time and a.publish_time.date() < since]
    async with NewstallyClient(target) as client:
        questions = client.questions
        for publication in (None, *PUBLICATIONS):
            some = [a for a in week if publication in (None, a.publication)]
            ranking = await questions.ranking(publication, since=since, until=until, limit=1_000)
            assert ranking.articles == len(some)
            assert {
                (e.text, e.label): Recounted(e.mentions, e.articles) for e in ranking.entities
            } == counts(some)
        rising = await questions.rising(limit=1_000)
        assert (rising.since, rising.until) == (since, until)
        now, then = counts(week), counts(before)
        expected = {}
        for entity, each in now.items():
            base = then.get(entity, Recounted(0, 0))
            change = Change(each.mentions, each.articles, base.mentions, base.articles)
            found = rise(change, len(week), len(before))
            if each.articles >= 3 and found.at_least > 1:
                expected[entity] = found
        assert {
            (e.entity.text, e.entity.label): (e.times, e.at_least) for e in rising.entities
        } == expected
        assert rising.entities[0].entity.text == "zorba"
        history = await questions.history("Zorba")
        by_day = Counter(
            a.publish_time.date().isoformat()
            for a in articles
            if a.publish_time and "Zorba" in a.content
        )
        assert {day.period: day.mentions for day in history.days if day.mentions} == by_day
        undated = sum("Zorba" in a.content for a in articles if a.publish_time is None)
        assert history.without_day.mentions == undated
        across = await questions.publications("zorba", since=since)
        assert {each.publication: each.mentions for each in across.publications} == {
            name: sum("Zorba" in a.content for a in week if a.publication == name)
            for name in PUBLICATIONS
        }
