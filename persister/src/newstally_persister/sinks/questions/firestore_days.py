"""Which part of what a document tells of days a question is about. Pure."""

from collections.abc import Iterable
from datetime import date

from newstally_persister.sinks.firestore.days import (
    Counts,
    DocumentDays,
    Month,
    divmod_month,
    month_name,
)
from newstally_persister.sinks.questions.asked import Days, Period, UnansweredError, iso_day

_EPOCH = date(1970, 1, 1).toordinal()
_FIRST, _LAST = -(2**31), 2**31


def within(told: DocumentDays, days: Days | Period) -> Counts:
    """Return what is within the days, which are not all. Raises UnansweredError.

    What is only known of a month must be within the days as a whole, or not at all.
    """
    first, last = ends(days)
    mentions = articles = 0
    for day, counts in told.days.items():
        if first <= day <= last:
            mentions, articles = mentions + counts[0], articles + counts[1]
    for month, counts in told.months.items():
        if _is_within(month, first, last):
            mentions, articles = mentions + counts[0], articles + counts[1]
    if told.outside[1] and (days.first is None or days.last is None):
        raise UnansweredError(
            "some articles have dates so far off that the Firestore sink keeps no month of them:"
            " name both ends of the days"
        )
    return mentions, articles


def periods(
    documents: Iterable[DocumentDays], publications: Iterable[DocumentDays], days: Days
) -> list[tuple[str, int, int, int]]:
    """Return (period, mentions, articles, counted) of an entity, ascending. Raises UnansweredError.

    `documents` are the entity's, `publications` those of the publications. A month of which one of
    them does not know the days is told as a month.
    """
    own, all_ = list(documents), list(publications)
    coarse = {month for told in (*own, *all_) for month in told.months}
    first, last = ends(days)
    sums: dict[str, list[int]] = {}
    for at, told in [*((0, each) for each in own), *((2, each) for each in all_)]:
        for day, counts in told.days.items():
            month = _month_of(day)
            if month not in coarse:
                if first <= day <= last:
                    _add(sums, iso_day(day), at, counts)
            elif _is_within(month, first, last):
                _add(sums, month_name(month), at, counts)
        for month, counts in told.months.items():
            if _is_within(month, first, last):
                _add(sums, month_name(month), at, counts)
    return [
        (period, mentions, articles, counted)
        for period, (mentions, articles, _, counted) in sorted(sums.items())
    ]


def one_publication(publication: str | None) -> str:
    """Return the publication that is asked about. Raises UnansweredError where it is all."""
    if publication is None:
        raise UnansweredError(
            "the Firestore sink adds up no entities over publications: ask for one publication, or"
            " use the SQLite sink"
        )
    return publication


def dated(told: DocumentDays) -> Counts:
    """Return what has a day or a month."""
    counts = [*told.days.values(), *told.months.values()]
    return sum(m for m, _ in counts), sum(a for _, a in counts)


def ends(days: Days | Period) -> tuple[int, int]:
    """Return the first and the last day."""
    first = _FIRST if days.first is None else days.first
    return first, _LAST if days.last is None else days.last


def _add(sums: dict[str, list[int]], period: str, at: int, counts: Counts) -> None:
    row = sums.setdefault(period, [0, 0, 0, 0])
    row[at] += counts[0]
    row[at + 1] += counts[1]


def _is_within(month: Month, first: int, last: int) -> bool:
    begin, end = _span(month)
    if first <= begin and end <= last:
        return True
    if end < first or last < begin:
        return False
    raise UnansweredError(
        f"the Firestore sink keeps {month_name(month)} by month, and not by day any more: ask for"
        " whole months, raise --days-kept of the persister for what comes, or use the SQLite sink"
    )


def _span(month: Month) -> tuple[int, int]:
    begin = date(*divmod_month(month), 1).toordinal() - _EPOCH
    following = date(*divmod_month(month + 1), 1).toordinal() - _EPOCH
    return begin, following - 1


def _month_of(day: int) -> Month:
    at = date.fromordinal(day + _EPOCH)
    return 12 * at.year + at.month - 1
