"""Answers by a plain recount, and the articles that they are about."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from newstally_persister.sinks.questions.asked import Days, Period, iso_day
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from newstally_protos.rising import Change, rise

Entity = tuple[str, str]
TEXTS = ["a", "ab", "abc", "b", "ba", "z", "z ab a", "a-b ab"]
LABELS = ["ORG", "PERSON"]
PUBLICATIONS = ["post", "sun", "times"]


@dataclass(frozen=True)
class Counted:
    """One article."""

    publication: str
    day: int | None
    mentions: dict[Entity, int]


ARTICLES = st.lists(
    st.builds(
        Counted,
        st.sampled_from(PUBLICATIONS),
        st.none() | st.integers(-3, 12),
        st.dictionaries(
            st.tuples(st.sampled_from(TEXTS), st.sampled_from(LABELS)), st.integers(1, 4)
        ),
    ),
    min_size=1,
    max_size=40,
)
DAYS = st.tuples(st.none() | st.integers(-5, 14), st.none() | st.integers(-5, 14)).map(
    lambda ends: Days(*ends) if None in ends else Days(*sorted(ends))  # type: ignore[type-var]
)


def within(articles: Iterable[Counted], days: Days | Period) -> list[Counted]:
    """Return the articles of these days; without ends those without a day, too."""
    if days.first is None and days.last is None:
        return list(articles)
    first = -(10**9) if days.first is None else days.first
    last = 10**9 if days.last is None else days.last
    return [each for each in articles if each.day is not None and first <= each.day <= last]


def of(articles: Iterable[Counted], publication: str | None) -> list[Counted]:
    """Return the articles of one publication, or of all."""
    return [each for each in articles if publication in (None, each.publication)]


def tally(articles: Iterable[Counted], label: str = "") -> dict[Entity, tuple[int, int]]:
    """Return (mentions, articles) of each entity."""
    mentions: Counter[Entity] = Counter()
    mentioning: Counter[Entity] = Counter()
    for article in articles:
        mentions.update(article.mentions)
        mentioning.update(article.mentions.keys())
    return {
        entity: (number, mentioning[entity])
        for entity, number in mentions.items()
        if label in ("", entity[1])
    }


def ranking(articles: Sequence[Counted], days: Days, label: str) -> list[tuple[str, str, int, int]]:
    """Return (text, label, mentions, articles) in the order of the list."""
    found = tally(within(articles, days), label)
    return sorted(
        ((*entity, *counts) for entity, counts in found.items()),
        key=lambda row: (-row[2], row[0], row[1]),
    )


def rising(
    articles: Sequence[Counted], days: Period, base: Period, floor: int, label: str
) -> list[tuple[float, str, str, Change]]:
    """Return (at_least, text, label, change) in the order of the list."""
    now, then = within(articles, days), within(articles, base)
    before = tally(then)
    found = []
    for entity, counts in tally(now, label).items():
        change = Change(*counts, *before.get(entity, (0, 0)))
        score = rise(change, len(now), len(then)).at_least
        if counts[1] >= floor and score > 1:
            found.append((score, *entity, change))
    return sorted(found, key=lambda row: (-row[0], row[1], row[2]))


def history(
    articles: Sequence[Counted], entity: Entity, days: Days
) -> list[tuple[str, int, int, int]]:
    """Return (day, mentions, mentioning, articles) of each day with articles."""
    dated = sorted({each.day for each in within(articles, days) if each.day is not None})
    rows = []
    for day in dated:
        some = [each for each in articles if each.day == day]
        rows.append((iso_day(day), *tally(some).get(entity, (0, 0)), len(some)))
    return rows


def further(text: str, beginning: str) -> list[str]:
    """Return the text from each of its words on but the first, where that begins so."""
    composed = re.finditer(r"(?<![ab\u0301])[ab]|(?<=[ '-])\u0301+[ab]", text)
    starts = [each.end() - 1 for each in composed if each.end() > 1]
    return [text[at:] for at in starts if text.startswith(beginning, at)]


def part(articles: Sequence[Counted]) -> Part:
    """Return the part of a first flush that has these articles."""
    counts: dict[tuple[str, str, str], Counter[int | None]] = defaultdict(Counter)
    mentioning: dict[tuple[str, str, str], Counter[int | None]] = defaultdict(Counter)
    for article in articles:
        own = (article.publication, "", "")
        counts[own][article.day] += sum(article.mentions.values())
        mentioning[own][article.day] += 1
        for entity, number in article.mentions.items():
            counts[article.publication, *entity][article.day] += number
            mentioning[article.publication, *entity][article.day] += 1
    publications, entities = [], []
    for key in sorted(counts):
        days = sorted(day for day in counts[key] if day is not None)
        by_day = tuple((day, counts[key][day], mentioning[key][day]) for day in days)
        sums = (counts[key].total(), mentioning[key].total())
        if key[1]:
            entities.append(EntityRow(*key, *sums, key[1].upper(), by_day))
        else:
            publications.append(PublicationRow(key[0], key[0].title(), *sums, by_day))
    return Part("j", 1, 1, "digest", publications, entities)


def all_pages(ask: Callable[[Any], tuple[Sequence[Any], Any]]) -> list[Any]:
    """Ask for page after page; `ask` takes a position and returns items and the next position."""
    items: list[Any] = []
    position = None
    while True:
        some, position = ask(position)
        items += some
        if position is None:
            return items
        assert len(items) < 1_000, "pages without end"
