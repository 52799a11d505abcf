"""Single steps of lists: what is answered from them, what they cost, what they do not claim."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from google.api_core.exceptions import DeadlineExceeded
from newstally_persister.sinks.base import EntityTally, PageLimits
from newstally_persister.sinks.firestore.compact.folding import LIMITS
from newstally_persister.sinks.firestore.compact.listing import rebuilding
from newstally_persister.sinks.firestore.compact.listing.documents import snapshot_documents
from newstally_persister.sinks.firestore.compact.listing.tops import LabelTop, Listed, Tops
from newstally_persister.sinks.firestore.compact.listing.tracked import Snapshot
from newstally_persister.sinks.firestore.compact.reading import Reader
from newstally_persister.sinks.questions.asked import UnansweredError
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from support.listing_world import ListedDatabase, Persister
from support.top_lists import shown
from support.virtual_time import run

PAGE = PageLimits(2, 10**6)
OWN = PublicationRow("a", "A", 9, 9)


def entities(*mentions: int, label: str = "X") -> list[EntityRow]:
    return [
        EntityRow("a", f"text {n}", label, number, 1, f"Text {n}")
        for n, number in enumerate(mentions)
    ]


def begin(draw: random.Random | None = None) -> tuple[ListedDatabase, Persister]:
    database = ListedDatabase(1)
    return database, Persister(database, "j", draw or random.Random(1), 0.0)


async def test_pages_are_told_from_a_list_that_shows_everything() -> None:
    """Two documents are read; and where the list ends, or is older, all are."""
    database, persister = begin()
    await persister.flush([([OWN], [*entities(5, 4, 3, 2), *entities(9, 1, label="Y")])])
    await persister.round()

    async def page(label: str, after: EntityTally | None = None) -> tuple[list[int], bool, int]:
        before = database.reads
        place = None if after is None else (after.mentions, after.text, after.label)
        found = await persister.sink.list_entity_tallies("a", label, PAGE, place)
        return [each.mentions for each in found.items], found.more, database.reads - before

    assert await page("") == ([9, 5], True, 2)
    assert await page("X") == ([5, 4], True, 2)
    assert await page("Y") == ([9, 1], False, 2)
    assert await page("Z") == ([], False, 2)
    # The list has three rows, and there are more.
    found, more, reads = await page("", EntityTally("text 0", "X", 5, 1))
    assert (found, more) == ([4, 3], True)
    assert reads > 2
    await persister.flush([([OWN], entities(1, 7))])
    found, more, reads = await page("")
    assert (found, more) == ([11, 9], True)
    assert reads > 2


async def test_what_is_too_large_to_be_read_is_told_from_its_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also where the list is older than what is there; what no list has stays unanswered."""
    _, persister = begin()
    await persister.flush([([OWN], entities(5, 4, 3, 2))])
    await persister.round()
    await persister.flush([([OWN], entities(1))])

    async def too_much(*_: object) -> None:
        raise UnansweredError("too much")

    monkeypatch.setattr(Reader, "between", too_much)
    found = await persister.sink.list_entity_tallies("a", "", PAGE, None)
    assert [each.mentions for each in found.items] == [5, 4]
    with pytest.raises(UnansweredError):
        await persister.sink.list_entity_tallies("a", "", PageLimits(9, 10**6), None)


async def test_lists_cost_one_write_and_no_read_in_a_steady_stream() -> None:
    """Each flush: one for a publication without days, one for the publications."""
    database = ListedDatabase(1)
    persister = Persister(database, "j", random.Random(1), 0.0, LIMITS)
    for number in range(5):
        await persister.flush([([OWN], entities(5, 4, 3, 2))])
        writes, reads = database.writes, database.reads
        await persister.round()
        if number:
            assert (database.writes - writes, database.reads - reads) == (2, 0)


async def test_a_part_that_a_dead_process_sent_is_not_taken_for_an_older_flush() -> None:
    """It comes before the next process hears of its flush: the mark tells, and no list is made."""
    database, persister = begin()
    await persister.flush([([OWN], entities(1, 2))])
    await persister.round()
    before = dict(database.lists_written)
    part = Part("j", 2, 1, "digest 1", [OWN], entities(5))
    database.known[part.id] = part
    other = Persister(database, "j", random.Random(2), 0.0)
    await other.sink.mark("j")
    await persister.sink.apply(part)
    await other.round()
    listed = shown(database.document(next(n for n in database.stored if n.endswith("/lists/all"))))
    assert (listed["flush"], listed["parts"]) == (1, 1)
    assert database.lists_written["all"] == before["all"]


async def test_a_large_publication_is_read_in_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of some leaves each: what is found is the same."""
    monkeypatch.setattr(rebuilding, "LEAVES_AT_A_TIME", 2)
    database, persister = begin()
    for _ in range(12):
        await persister.flush([([OWN], entities(*range(1, 30)))])
    persister.start()
    await persister.sink.mark("j")
    reads = database.reads
    await persister.round()
    listed = shown(database.document(next(n for n in database.stored if n.endswith("/lists/all"))))
    assert [row["mentions"] for row in listed["rows"]] == [12 * 29, 12 * 28, 12 * 27]
    assert listed["flush"] == 12
    assert database.reads > reads


async def test_a_publication_that_cannot_be_read_holds_up_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others have their lists, and it comes last from then on, until it can be read."""
    database, persister = begin()
    own = [PublicationRow(key, key, 1, 1) for key in "abc"]
    await persister.flush([(own, [EntityRow(key, "x", "P", 1, 1) for key in "abc"])])
    found = database.found
    asked: list[str] = []

    async def failing(parent: str, query: Any, seconds: float) -> AsyncIterator[Any]:
        asked.append(parent[-1])
        if parent.endswith("/publications/a"):
            raise DeadlineExceeded("it takes too long")  # type: ignore[no-untyped-call]
        async for document in found(parent, query, seconds):
            yield document

    def listed() -> set[str]:
        names = (name for name in database.stored if "/lists/" in name)
        return {name.partition("/compact/")[2] for name in names}

    monkeypatch.setattr(database, "found", failing)
    for _ in range(2):
        with pytest.raises(DeadlineExceeded):
            await persister.layout.keeper.round(persister.faults)  # type: ignore[arg-type]
    assert listed() == {
        "lists/publications",
        "publications/b/lists/all",
        "publications/c/lists/all",
    }
    asked.clear()
    persister.layout.keeper._lists.of(f"{persister.layout._root}/publications/b").tracked = None
    await persister.flush([(own[1:2], [EntityRow("b", "x", "P", 1, 1)])])
    with pytest.raises(DeadlineExceeded):
        await persister.layout.keeper.round(persister.faults)  # type: ignore[arg-type]
    assert asked.index("b") < asked.index("a")
    monkeypatch.undo()
    await persister.round()
    assert "publications/a/lists/all" in listed()


def test_long_texts_make_lists_shorter() -> None:
    """Whatever the texts are, a list is far below 1 MiB; one row always fits; `more` says so."""
    long = [Listed("x" * 1_000, "X", "y" * 1_000, 9, 9)] * 100
    labels = [LabelTop(f"{n}", tuple(long[:25]), more=False) for n in range(24)]
    tops = Tops(tuple(long), False, tuple(labels), False)
    (write,) = snapshot_documents("p", Snapshot(1, "j", 1, tops, {})).values()
    assert write.ByteSize() < 420 * 1024
    held = shown(write.update)
    assert 1 <= len(held["rows"]) < 100
    assert held["more"]
    assert all(1 <= len(each["rows"]) < 25 and each["more"] for each in held["labels"])


def test_nothing_is_left_of_a_keeper_that_is_cancelled() -> None:
    """It waits for news, and ends at once."""

    async def live() -> None:
        _, persister = begin()
        keeping = asyncio.create_task(persister.sink.keep())
        await persister.flush([([OWN], entities(1))])
        await asyncio.sleep(0)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
        await persister.sink.close()

    run(live())
