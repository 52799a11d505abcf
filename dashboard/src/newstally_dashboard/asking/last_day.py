"""The last day that has articles, where periods end."""

import heapq
from datetime import date
from typing import NamedTuple

from newstally_protos.names import publication_key

from newstally_dashboard.asking.asker import OVERHEAD_BYTES, Lane
from newstally_dashboard.asking.questions import Days, Questions
from newstally_dashboard.asking.troubles import Kind, Trouble, TroubleError

ASKED_PUBLICATIONS = 5
"""Those with most articles, where the store does not answer for all together."""
_MORE_THAN_ANY = 2**31 - 1
_UNKNOWN = frozenset({Kind.EMPTY, Kind.UNANSWERED})
_NO_DAYS = Trouble(Kind.EMPTY, "No days", "No article says its day.")


class LastDay(NamedTuple):
    """The latest of them is the greatest."""

    day: date
    by_month: bool
    """Whether the store keeps its month only: then `day` is the first of it."""


async def last_day(questions: Questions, publication: str, today: date) -> LastDay:
    """Return the last day that has articles of a publication, or of any; tomorrow at most.

    Where the store cannot say it of all together, it is that of those with most articles. Kept as
    long as answers about all publications. Raises TroubleError.
    """

    async def look() -> LastDay:
        try:
            # Only the days are wanted: no store looks far for what so many articles mention.
            found = await questions.rising(publication, Days(), min_articles=_MORE_THAN_ANY)
            return LastDay(date.fromisoformat(found.days.last), by_month=False)
        except TroubleError as error:
            if error.trouble.kind not in _UNKNOWN:
                raise
        if publication:
            return await _of_history(questions, publication, today)
        return await _of_most(questions, today)

    key = ("last day", publication_key(publication))
    return await questions.made_of(key, look, OVERHEAD_BYTES)


async def _of_history(questions: Questions, publication: str, today: date) -> LastDay:
    history = await questions.articles(publication, Days(), Lane.SIDE)
    ends = [_day(each.period) for each in history.days if each.counted_articles]
    known = [end for end in ends if end.day <= today]
    if not known:
        raise TroubleError(_NO_DAYS)
    return known[-1]


async def _of_most(questions: Questions, today: date) -> LastDay:
    publications = (await questions.catalogue()).publications
    ends = []
    for each in heapq.nlargest(ASKED_PUBLICATIONS, publications, lambda one: one.articles):
        try:
            ends.append(await last_day(questions, each.publication, today))
        except TroubleError as error:
            if error.trouble.kind not in _UNKNOWN:
                raise
    if not ends:
        raise TroubleError(_NO_DAYS)
    return max(ends)


def _day(period: str) -> LastDay:
    """Return the day that a history tells, or the month."""
    return LastDay(date.fromisoformat(f"{period}-01"[:10]), by_month=len(period) == len("2026-11"))
