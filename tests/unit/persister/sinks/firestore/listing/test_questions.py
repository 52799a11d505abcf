"""What questions by day take from lists: the same as from leaves, with fewer documents."""

import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from newstally_persister.sinks.base import PageLimits
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.questions.asked import Days, Floor, UnansweredError
from newstally_persister.sinks.questions.firestore_compact import CompactQuestions
from newstally_persister.values.parts import EntityRow, PublicationRow
from support.listing_world import LIMIT, TODAY, ListedDatabase, Persister
from support.top_lists import shown
from unit.persister.building import metrics

TWO = PageLimits(2, 10**6)
FAR_BACK = -719_162
"""0001-01-01."""


def rows(draw: random.Random, days: range) -> tuple[list[PublicationRow], list[EntityRow]]:
    """Rows of one publication: on some days, and on none."""
    entities = []
    for number in draw.sample(range(7), draw.randrange(1, 6)):
        some = sorted(draw.sample(days, min(len(days), draw.randrange(4))))
        dated = tuple((day, draw.randrange(1, 9), 1) for day in some)
        sums = [sum(day[n] for day in dated) for n in (1, 2)]
        row = ("a", f"text {number}", draw.choice("XYZ"), sums[0] + 1, sums[1] + 1)
        entities.append(EntityRow(*row, f"Text {number}", dated))
    own = sorted({day for each in entities for day, *_ in each.days})
    counts = tuple((day, 9, 3) for day in own)
    return [PublicationRow("a", "A", 9 + 9 * len(own), 3 + 3 * len(own), counts)], entities


class Asked:
    """One database with a persister, and its questions."""

    def __init__(self, seed: int = 1) -> None:
        self.database = ListedDatabase(1)
        self.persister = Persister(self.database, "j", random.Random(seed), 0.0)

        async def connect() -> Any:
            return self.database

        self.questions = CompactQuestions(Connection(connect), metrics())

    async def reads(self, ask: Callable[[], Awaitable[Any]]) -> tuple[Any, int]:
        before = self.database.reads
        return await ask(), self.database.reads - before

    def without_lists(self) -> None:
        for name in [name for name in self.database.stored if "/lists/" in name]:
            del self.database.stored[name]


@pytest.mark.parametrize("seed", range(8))
async def test_lists_of_days_answer_what_they_show(seed: int) -> None:
    """Every list that is as long as the days; the same page, and the same number of articles."""
    draw = random.Random(seed)
    asked = Asked(seed)
    parts = [rows(draw, range(TODAY - 40, TODAY + 4)) for _ in range(draw.randrange(2, 6))]
    for part in parts:
        await asked.persister.flush([part])
    await asked.persister.round()
    days = {day for own, _ in parts for each in own for day, *_ in each.days}
    last = max(day for day in days if day <= LIMIT)
    listed = asked.database.stored.copy()
    told = 0
    spans = [Days(), *(Days(last - n + 1, last) for n in (1, 2, 7, 28)), Days(last - 7, last - 1)]
    for span in spans:
        for label in ("", "X", "W"):

            async def ask(span: Days = span, label: str = label) -> Any:
                ranking = await asked.questions.rank("a", span, label, TWO, None)
                return [*ranking.page.items], ranking.page.more, ranking.articles

            found, reads = await asked.reads(ask)
            asked.without_lists()
            expected, all_reads = await asked.reads(ask)
            asked.database.stored.update(listed)
            assert found == expected
            told += reads == 3 < all_reads
    assert told >= 4


async def test_a_list_of_days_that_is_older_tells_only_what_cannot_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What has come since is in the answer; the list is better than none."""
    asked = Asked()
    day = EntityRow("a", "text", "X", 3, 1, None, ((TODAY, 3, 1),))
    own = PublicationRow("a", "A", 3, 1, ((TODAY, 3, 1),))
    await asked.persister.flush([([own], [day])])
    await asked.persister.round()
    await asked.persister.flush([([own], [day])])

    async def ask() -> tuple[int, int]:
        found = await asked.questions.rank("a", Days(TODAY, TODAY), "", TWO, None)
        return found.page.items[0].mentions, found.articles

    assert await ask() == (6, 2)

    async def too_much(*_: object) -> None:
        raise UnansweredError("too much")

    monkeypatch.setattr(Reader, "between", too_much)
    assert await ask() == (3, 1)
    with pytest.raises(UnansweredError):
        await asked.questions.rank("a", Days(TODAY - 1, TODAY), "", TWO, None)


@pytest.mark.parametrize("listing", [False, True])
async def test_the_last_day_is_looked_for_behind_the_one_that_a_list_knows(listing: bool) -> None:
    """Also where a later one has come since, and one that is too late."""
    asked = Asked()

    async def flush(*days: int) -> None:
        counts = tuple((day, 9, 9) for day in days)
        own = PublicationRow("a", "A", 9, 9, counts)
        await asked.persister.flush([([own], [EntityRow("a", "text", "X", 9, 9, None, counts)])])

    async def last() -> int:
        found = await asked.questions.rising("a", None, None, Floor(1, ""), TWO, None, TODAY)
        return found.days.last

    await flush(TODAY - 9, TODAY - 2)
    if listing:
        await asked.persister.round()
    assert await last() == TODAY - 2
    await flush(TODAY - 8, TODAY + 1, TODAY + 2)
    assert await last() == TODAY + 1


async def test_the_first_days_of_all_are_listed() -> None:
    """Nothing is before them."""
    asked = Asked()
    counts = ((FAR_BACK + 2, 3, 1),)
    own = PublicationRow("a", "A", 3, 1, counts)
    await asked.persister.flush([([own], [EntityRow("a", "text", "X", 3, 1, None, counts)])])
    asked.database.checked = False
    await asked.persister.round()
    week = shown(asked.database.document(named(asked.database, "/lists/7days")))
    assert (week["first"], week["last"]) == ("0001-01-01", "0001-01-03")
    assert [row["mentions"] for row in week["rows"]] == [3]


def named(database: ListedDatabase, end: str) -> str:
    """Return the name of the document that ends so."""
    (name,) = [name for name in database.stored if name.endswith(end)]
    return name
