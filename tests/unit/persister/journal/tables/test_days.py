"""The days of what waits in the journal."""

import pytest
from newstally_persister.journal.errors import CorruptJournalError
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import days, flushes, set_aside, voiding
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import Part, PartLimits
from unit.persister.building import (
    Article,
    DayTallies,
    batch,
    database,
    flush,
    journal,
    recount_days,
    sink_days,
    waiting_days,
)

X = [("x", "P")]
ONE = PartLimits(rows=1, size_bytes=10_000)
MIXED: list[Article] = [
    ("Post", X, 7),
    ("Post", [*X, ("y", "P")], 7),
    ("Post", X),
    ("Post", [("y", "P")], -2),
    ("Times", X, 9),
]


def recorded(*groups: list[Article]) -> JournalStore:
    """Return a journal in which these were recorded, group by group."""
    store = journal("u")
    first = 0
    for articles in groups:
        store.record_batches([batch("u", first, articles)], 2)
        first += len(articles)
    return store


def emptied(store: JournalStore, sink: SqliteTallies | None = None) -> DayTallies:
    """Flush everything into the sink, or a new one, and return what it holds."""
    sink = sink or SqliteTallies(database())
    flush(store, sink)
    for table in ("pending_days", "part_days", "usual_days"):
        found = store._connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert found == (0,), table
    return sink_days(sink)


def planned(store: JournalStore, limits: PartLimits = ONE) -> Part:
    """Cut a flush and return its first part."""
    number = store.run(flushes.cut)
    assert number
    part = store.run(flushes.plan_part, number, limits)
    assert part
    return part


def test_days_come_to_the_sink() -> None:
    """Of whatever group, of the usual day and of others; what has none has none."""
    store = recorded(MIXED, [("Post", X, 9)], MIXED, [("Post", X)])
    assert waiting_days(store._connection) == recount_days(
        [*MIXED, ("Post", X, 9), *MIXED, ("Post", X)]
    )
    assert emptied(store) == recount_days([*MIXED, ("Post", X, 9), *MIXED, ("Post", X)])


def test_the_usual_day_costs_no_row() -> None:
    """It is the one of most articles when the first days of a flush come."""
    store = recorded(MIXED)
    assert days.usual(store._connection, 1) == 7
    others = store._connection.execute("SELECT DISTINCT day FROM pending_days").fetchall()
    assert sorted(others) == [(-2,), (9,)]


def test_each_flush_has_a_usual_day_of_its_own() -> None:
    """What is recorded while a flush is open belongs to the next one."""
    store = recorded([("Post", X, 7)])
    part = planned(store)
    store.record_batches([batch("u", 1, [("Post", X, 8)])], 3)
    assert store.run(flushes.read_part, 1, 1) == part
    assert part.publications[0].days == ((7, 1, 1),)
    assert (days.usual(store._connection, 1), days.usual(store._connection, 2)) == (7, 8)


def test_a_row_that_is_set_aside_keeps_its_days() -> None:
    """So does what comes for it later; both come back when it is tried again."""
    store = recorded([("Post", [], 7), ("Post", [], 8)])
    part = planned(store)
    store.record_batches([batch("u", 2, [("Post", [], 8), ("Post", [], 9)])], 3)
    sink = SqliteTallies(database())
    assert sink.void(part)
    assert store.run(voiding.begin, 1, part.number, "refused", 100)
    assert store.run(voiding.finish, 1, part.number).set_aside
    assert store.run(flushes.cut) is None  # all that waited was for that row
    every: list[Article] = [("Post", [], day) for day in (7, 8, 8, 9)]
    assert waiting_days(store._connection) == recount_days(every)
    store.record_batches([batch("u", 4, [("Post", [], 8)])], 4)
    assert store.run(set_aside.retry) == 1
    assert emptied(store, sink) == recount_days([*every, ("Post", [], 8)])


def test_a_row_that_is_set_aside_again_has_its_days_once() -> None:
    """What was put back waits, and is set aside no more."""
    store = recorded([("Post", [], 7), ("Post", [], 8)])
    sink = SqliteTallies(database())
    for number in (1, 2):
        part = planned(store)
        assert sink.void(part)
        assert store.run(voiding.begin, number, part.number, "refused", 100)
        assert store.run(voiding.finish, number, part.number).set_aside
        assert store.run(set_aside.retry) == 1
        assert waiting_days(store._connection) == recount_days([("Post", [], 7), ("Post", [], 8)])
    assert emptied(store, sink) == recount_days([("Post", [], 7), ("Post", [], 8)])


def test_a_row_that_the_release_before_cut_is_set_aside_once_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """0.2.0 knows of no such rows, so that they are in its flush: nothing of them is lost."""
    store = recorded([("Post", [], 7)])
    sink = SqliteTallies(database())
    with monkeypatch.context() as before:
        before.setattr(set_aside, "collect", lambda *_: None)
        for number in (1, 2):
            part = planned(store)
            assert sink.void(part)
            assert store.run(voiding.begin, number, part.number, "refused", 100)
            assert store.run(voiding.finish, number, part.number).set_aside
            store.record_batches([batch("u", number, [("Post", [], 7 + number)])], 3)
    assert store.run(set_aside.retry) == 1
    assert emptied(store, sink) == recount_days([("Post", [], day) for day in (7, 8, 9)])


def test_what_comes_back_on_the_usual_day_adds_to_it() -> None:
    """Its days are among the others, also that which is the usual one of the flush by then."""
    store = recorded([("Post", [], 7)])
    part = planned(store)
    sink = SqliteTallies(database())
    assert sink.void(part)
    assert store.run(voiding.begin, 1, part.number, "refused", 100)
    assert store.run(voiding.finish, 1, part.number).set_aside
    store.record_batches([batch("u", 1, [("Post", [], 7), ("Post", [], 7)])], 3)
    assert store.run(set_aside.retry) == 1
    assert days.usual(store._connection, 2) == 7
    assert emptied(store, sink) == recount_days([("Post", [], 7)] * 3)


def test_what_the_release_before_applied_leaves_no_days_behind() -> None:
    """It deletes rows and not their days, which then belong to nothing."""
    store = recorded(MIXED)
    sink = SqliteTallies(database())
    sink.apply(planned(store, PartLimits(rows=100, size_bytes=10_000)))
    for statement in (
        "DELETE FROM pending",
        "DELETE FROM flush_uploads",
        "UPDATE parts SET done = 1",
        "UPDATE meta SET flush_open = 0",
    ):
        store._connection.execute(statement)  # as 0.2.0 does
    again = JournalStore(store._connection)
    again.record_batches([batch("u", len(MIXED), [("Post", X, -2)])], 3)
    assert emptied(again, sink) == recount_days([*MIXED, ("Post", X, -2)])


def test_days_of_rows_that_are_gone_are_passed_over() -> None:
    """In a flush of which the release before has applied a part, and which is still open."""
    store = recorded([("Post", [("a", "P"), ("b", "P")], 7), ("Post", [("a", "P")], 8)])
    store.run(flushes.cut)
    store._connection.execute("DELETE FROM pending WHERE text = 'a'")
    part = store.run(flushes.plan_part, 1, PartLimits(rows=100, size_bytes=10_000))
    assert part
    assert [row.days for row in part.entities] == [((7, 1, 1),)]
    assert part.publications[0].days == ((7, 2, 1), (8, 1, 1))


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE pending_days SET mentions = mentions + 1",
        "UPDATE usual_days SET day = 6",
        "DELETE FROM pending_days",
    ],
)
def test_days_that_are_not_what_was_planned_are_noticed(damage: str) -> None:
    """As totals are: nothing of such a part is applied."""
    store = recorded(MIXED)
    planned(store, PartLimits(rows=100, size_bytes=10_000))
    store._connection.execute(damage)
    with pytest.raises(CorruptJournalError):
        store.run(flushes.read_part, 1, 1)


def test_a_part_that_the_release_before_planned_has_its_days() -> None:
    """Nothing was noted of them; they were recorded all the same."""
    store = recorded(MIXED)
    part = planned(store, PartLimits(rows=100, size_bytes=10_000))
    store._connection.execute("DELETE FROM part_days")
    assert store.run(flushes.read_part, 1, 1) == part
    assert any(row.days for row in part.entities)


def test_a_row_has_a_bound_of_days(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest count; the others count under no day."""
    monkeypatch.setattr(days, "DAYS_LIMIT", 3)
    store = recorded([("Post", [], day) for day in range(5)], [("Post", [], 4)])
    kept: list[Article] = [("Post", [], day) for day in (None, None, 2, 3, 4, 4)]
    assert emptied(store) == recount_days(kept)
