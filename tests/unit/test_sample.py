"""The sample articles: enough to see something, over three weeks in which names come up."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from support.processes import REPOSITORY

LINES = (REPOSITORY / "sample" / "articles.jsonl").read_text(encoding="utf-8").splitlines()
ARTICLES = [json.loads(line) for line in LINES]
TIMES = [datetime.fromisoformat(article["publish_time"]) for article in ARTICLES]


def test_there_are_enough_of_every_publication() -> None:
    """At least sixty, of five publications, each article with an id of its own."""
    assert len(ARTICLES) >= 60
    assert len({article["article_id"] for article in ARTICLES}) == len(ARTICLES)
    assert min(Counter(article["publication"] for article in ARTICLES).values()) >= 12
    assert all(len(article["content"].split()) >= 70 for article in ARTICLES)


def test_they_are_of_three_weeks_by_time() -> None:
    """In UTC, and in the order in which they were published."""
    assert sorted(TIMES) == TIMES
    assert all(time.utcoffset() == timedelta(0) for time in TIMES)
    assert timedelta(days=19) < TIMES[-1] - TIMES[0] <= timedelta(days=21)
    assert len({time.date() for time in TIMES}) >= 18


@pytest.mark.parametrize("name", ["Northmere", "Brightwater", "Larkspur", "Sabela"])
def test_names_come_up(name: str) -> None:
    """At least twice as many articles mention them in the last week as in the first."""
    by_week = Counter(
        (time - datetime(2026, 4, 6, tzinfo=UTC)).days // 7
        for article, time in zip(ARTICLES, TIMES, strict=True)
        if name in article["content"]
    )
    assert by_week[2] >= max(3, 2 * by_week[0])
