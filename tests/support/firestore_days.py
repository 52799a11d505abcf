"""What documents must hold by day and by month: a plain recount, and a plain reader."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from newstally_persister.sinks.firestore.days import DAYS_KEPT
from unit.persister.building import Article, day, recount

EPOCH = date(1970, 1, 1).toordinal()
Places = Counter[tuple[str, str, str, str, str]]
"""(publication key, text, label, "mentions" or "articles", place): a place is "2026-11-21",
"2026-11" or "outside"."""


def days_from(today: date, kept: int = DAYS_KEPT) -> str:
    """Return the first month whose days are kept."""
    return date.fromordinal(today.toordinal() - kept).isoformat()[:7]


def places(number: int, today: date, kept_from: str) -> list[str]:
    """Return where an article that is written today counts, by the day that it was published on."""
    at = date.fromordinal(number + EPOCH)
    beyond = date(today.year + (today.month + 1) // 12, (today.month + 1) % 12 + 1, 1)
    if not date(2010, 1, 1) <= at < beyond:
        return ["outside"]
    name = at.isoformat()
    return [name[:7]] if name[:7] < kept_from else [name[:7], name]


def recount_places(articles: Sequence[Article], today: date, kept_from: str) -> Places:
    """Count plainly what documents must hold for articles that are written today."""
    total: Places = Counter()
    for article in articles:
        number = day(article)
        if number is None:
            continue
        for key, counted in recount([article]).items():
            for place in places(number, today, kept_from):
                total[*key, place] += counted
    return +total


def found_places(key: str, text: str, label: str, document: Mapping[str, Any]) -> Places:
    """Return what a document holds, as Google's client reads it."""
    total: Places = Counter()
    some = {
        f"{m}-{d}": counts for m, of in document.get("days", {}).items() for d, counts in of.items()
    }
    some.update(document.get("months", {}))
    if "outside" in document:
        some["outside"] = document["outside"]
    for place, counts in some.items():
        assert set(counts) == {"mentions", "articles"}
        for what, number in counts.items():
            total[key, text, label, what, place] = number
    return +total
