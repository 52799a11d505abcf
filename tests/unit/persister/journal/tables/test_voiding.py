"""A part that the sink refuses: its rows are planned anew, smaller, or set aside."""

import pytest
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, schema, set_aside, voiding
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.uploads import NewUpload
from newstally_persister.values.voids import SetAsideRow
from unit.persister.building import (
    Article,
    CrashingConnection,
    batch,
    database,
    flush,
    journal,
    recount,
    sink_tallies,
)

ARTICLES: list[Article] = [("Post", [(f"e{n}", "P")]) for n in range(7)]
"""Eight rows: the publication's own sorts first."""
FOUR = PartLimits(rows=4, size_bytes=10_000)


def planned(limits: PartLimits = FOUR) -> tuple[JournalStore, Part]:
    """Return a journal whose flush 1 is cut, and its first part."""
    store = journal("u")
    store.record_batches([batch("u", 0, ARTICLES)], 2)
    assert store.run(flushes.cut) == 1
    part = store.run(flushes.plan_part, 1, limits)
    assert part
    return store, part


def void(store: JournalStore, part: Part) -> tuple[int, ...]:
    """Void a part, as if its tombstone were in the sink."""
    assert store.run(voiding.begin, part.flush, part.number, "refused", 100)
    return store.run(voiding.finish, part.flush, part.number).numbers


def keys(part: Part) -> list[str]:
    return [*("" for _ in part.publications), *(row.text for row in part.entities)]


def test_a_refused_part_becomes_two_halves() -> None:
    """Together they hold its rows; their numbers, and so their receipts, are new."""
    store, part = planned()
    assert keys(part) == ["", "e0", "e1", "e2"]
    numbers = void(store, part)
    assert numbers == (2, 3)
    halves = [store.run(flushes.read_part, 1, number) for number in numbers]
    assert [keys(half) for half in halves] == [["", "e0"], ["e1", "e2"]]
    assert len({part.digest, *(half.digest for half in halves)}) == 3


def test_planning_goes_on_behind_the_parts_that_were_planned_first() -> None:
    """The halves lie before other parts: nothing is planned twice, and nothing left out."""
    store, first = planned()
    numbers = void(store, first)
    rest = store.run(flushes.plan_part, 1, FOUR)
    assert rest
    assert keys(rest) == ["e3", "e4", "e5", "e6"]
    again = void(store, store.run(flushes.read_part, 1, numbers[1]))
    assert store.run(flushes.plan_part, 1, FOUR) is None
    opened = store.run(flushes.open_flush)
    assert opened
    left = [store.run(flushes.read_part, 1, number) for number in opened.undone]
    assert [part.number for part in left] == [numbers[0], rest.number, *again]
    assert sorted(key for part in left for key in keys(part)) == ["", *(f"e{n}" for n in range(7))]


def test_a_single_row_is_set_aside_and_the_flush_completes() -> None:
    """The other rows are applied, and with them the offsets; the row stays, with the reason."""
    one = PartLimits(rows=1, size_bytes=10_000)
    store, first = planned(one)
    sink = SqliteTallies(database())
    sink.apply(first)
    store.run(flushes.part_done, 1, 1)
    part = store.run(flushes.plan_part, 1, one)
    assert part
    assert void(store, part) == ()
    assert store.run(set_aside.rows) == [SetAsideRow("post", "Post", "e0", "P", 1, 1, "refused")]
    sink.void(part)
    flush(store, sink)
    upload = store.get_upload("u")
    assert upload
    assert upload.applied_offset == 7
    missing = {("post", "e0", "P", "articles"): 1, ("post", "e0", "P", "mentions"): 1}
    assert recount(ARTICLES) - sink_tallies(sink) == missing


def test_what_comes_for_it_later_is_collected_and_tried_again_with_it() -> None:
    """Each mention is counted once, however often the row was tried in between."""
    store, part = planned(PartLimits(rows=1, size_bytes=10_000))
    sink = SqliteTallies(database())
    sink.void(part)
    void(store, part)
    flush(store, sink)
    store.record_batches([batch("u", 7, ARTICLES)], 3)
    applied = flush(store, sink)
    assert all(not part.publications for part in applied)
    assert [row.mentions for row in store.run(set_aside.rows)] == [14]
    assert store.run(set_aside.retry) == 1
    assert store.run(flushes.has_unapplied)
    assert store.run(set_aside.rows) == []
    flush(store, sink)
    assert sink_tallies(sink) == recount(ARTICLES * 2)
    assert not store.run(flushes.has_unapplied)


def test_a_flush_of_nothing_else_is_none() -> None:
    """Where all that came is for rows that are set aside, nothing is sent, and offsets move."""
    store = journal("u")
    store.record_batches([batch("u", 0, [("Post", [])])], 2)
    store.run(flushes.cut)
    part = store.run(flushes.plan_part, 1, FOUR)
    assert part
    void(store, part)
    store.record_batches([batch("u", 1, [("Post", [])])], 2)
    assert store.run(flushes.cut) is None
    upload = store.get_upload("u")
    assert upload
    assert upload.applied_offset == 2
    assert [row.articles for row in store.run(set_aside.rows)] == [2]


def test_too_many_rows_are_not_set_aside() -> None:
    """Beyond the limit a row stays a part; larger parts are still made smaller."""
    store, part = planned(PartLimits(rows=1, size_bytes=10_000))
    assert store.run(voiding.begin, 1, part.number, "refused", 1)
    single = store.run(flushes.plan_part, 1, PartLimits(rows=1, size_bytes=10_000))
    assert single
    # The first is only being voided, and counts already.
    assert not store.run(voiding.begin, 1, single.number, "refused", 1)
    several = store.run(flushes.plan_part, 1, FOUR)
    assert several
    assert store.run(voiding.begin, 1, several.number, "refused", 1)
    opened = store.run(flushes.open_flush)
    assert opened
    assert opened.voiding == {part.number, several.number}


def test_a_part_that_was_applied_after_all_is_done() -> None:
    """What was noted as to be voided, and turns out to be applied, is like any other part."""
    store, part = planned(PartLimits(rows=10, size_bytes=10_000))
    assert store.run(voiding.begin, 1, part.number, "no answer", 100)
    assert store.run(flushes.part_done, 1, part.number)
    assert store.run(flushes.open_flush) is None


def version(connection: CrashingConnection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@pytest.mark.parametrize("begun", [False, True])
def test_the_release_before_is_kept_out_while_a_flush_has_voids(begun: bool) -> None:
    """It knows version 1, would plan such a flush wrong, and is let in again afterwards."""
    connection = database()
    store = JournalStore(connection)
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    store.record_batches([batch("u", 0, ARTICLES)], 2)
    store.run(flushes.cut)
    part = store.run(flushes.plan_part, 1, FOUR)
    assert part
    sink = SqliteTallies(database())
    assert version(connection) == len(schema.MIGRATIONS)
    assert store.run(voiding.begin, 1, part.number, "refused", 100)
    if not begun:
        sink.void(part)
        store.run(voiding.finish, 1, part.number)
    assert version(connection) > len(schema.MIGRATIONS)
    again = JournalStore(connection)
    flush(again, sink)
    assert sink_tallies(sink) == recount(ARTICLES)
    assert version(connection) == len(schema.MIGRATIONS)
