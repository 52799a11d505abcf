"""Flushes: cut, planned, done; and what applied_offset says meanwhile."""

from dataclasses import replace

import pytest
from newstally_persister.journal.errors import CorruptJournalError
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import PartLimits, digest
from newstally_persister.values.progress import Expiry, OpenFlush
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import (
    LARGE,
    Article,
    batch,
    database,
    flush,
    journal,
    recount,
    sink_tallies,
)

ONE: Article = ("Post", [("x", "P")])
TWO: Article = ("Times", [("x", "P"), ("y", "O")])


def applied(store: JournalStore, upload_id: str = "u") -> tuple[int, int]:
    """Return (applied_offset, next_offset)."""
    upload = store.get_upload(upload_id)
    assert upload
    return upload.applied_offset, upload.next_offset


def test_applied_moves_with_the_last_part_to_where_the_cut_was() -> None:
    """What is recorded between cut and completion is not applied by it."""
    store = journal("u")
    store.record_batches([batch("u", 0, [ONE, TWO])], 2)
    assert store.run(flushes.cut) == 1
    store.record_batches([batch("u", 2, [ONE])], 2)
    first = store.run(flushes.plan_part, 1, PartLimits(rows=3, size_bytes=10_000))
    second = store.run(flushes.plan_part, 1, PartLimits(rows=3, size_bytes=10_000))
    assert first
    assert second
    assert store.run(flushes.plan_part, 1, LARGE) is None
    assert store.run(flushes.part_done, 1, second.number) is False
    assert applied(store) == (0, 3)
    assert store.run(flushes.part_done, 1, first.number) is True
    assert applied(store) == (2, 3)
    assert store.run(flushes.has_unapplied)


def test_refusals_alone_are_applied_by_a_cut() -> None:
    """An upload without tallies becomes applied although nothing is flushed."""
    store = journal("u")
    store.record_batches([batch("u", 0, [None, None])], 2)
    assert store.run(flushes.has_unapplied)
    assert store.run(flushes.cut) is None
    assert applied(store) == (2, 2)
    assert not store.run(flushes.has_unapplied)
    assert store.run(flushes.position).last_cut == 0


def test_refusals_beside_another_uploads_tallies_wait_for_the_flush() -> None:
    """A flush with rows carries every upload's offset to its end."""
    store = journal("u", "v")
    store.record_batches([batch("u", 0, [None]), batch("v", 0, [ONE])], 2)
    assert store.run(flushes.cut) == 1
    assert applied(store, "u") == (0, 1)
    assert store.run(flushes.plan_part, 1, LARGE)
    assert store.run(flushes.part_done, 1, 1) is True
    assert applied(store, "u") == (1, 1)
    assert applied(store, "v") == (1, 1)


def test_refusals_during_a_flush_wait_for_the_next_cut() -> None:
    """An open flush does not apply what came after it, rows or not."""
    store = journal("u")
    store.record_batches([batch("u", 0, [ONE])], 2)
    store.run(flushes.cut)
    store.record_batches([batch("u", 1, [None])], 2)
    store.run(flushes.plan_part, 1, LARGE)
    store.run(flushes.part_done, 1, 1)
    assert applied(store) == (1, 2)
    assert store.run(flushes.cut) is None
    assert applied(store) == (2, 2)


def test_nothing_to_cut_uses_no_number() -> None:
    """An empty heap leaves the position where it is."""
    store = journal("u")
    assert store.run(flushes.cut) is None
    assert (store.run(flushes.position).last_cut, store.run(flushes.open_flush)) == (0, None)


def test_one_flush_at_a_time() -> None:
    """A second cut while a flush is open is a mistake, and changes nothing."""
    store = journal("u")
    store.record_batches([batch("u", 0, [ONE])], 2)
    store.run(flushes.cut)
    with pytest.raises(ValueError, match="flush 1 is open"):
        store.run(flushes.cut)
    assert store.run(flushes.open_flush) == OpenFlush(1, undone=(), planned=False)


def test_a_row_is_in_exactly_one_part() -> None:
    """Parts keep the limit in rows, and together they are the flush."""
    store = journal("u")
    articles: list[Article] = [("Post", [(f"e{n % 7}", "P")]) for n in range(20)] + [TWO] * 3
    store.record_batches([batch("u", 0, articles)], 2)
    sink = SqliteTallies(database())
    parts = flush(store, sink, PartLimits(rows=3, size_bytes=10_000))
    assert [part.number for part in parts] == [1, 2, 3, 4]
    assert all(len(part.publications) + len(part.entities) <= 3 for part in parts)
    assert sink_tallies(sink) == recount(articles)


def test_a_part_is_bounded_in_bytes_and_one_row_always_fits() -> None:
    """Rows are taken while their texts fit; one that never fits is a part of its own."""
    store = journal("u")
    store.record_batches([batch("u", 0, [("Post", [("x" * 500, "P"), ("y", "P"), ("z", "P")])])], 2)
    store.run(flushes.cut)
    sizes = []
    while part := store.run(flushes.plan_part, 1, PartLimits(rows=100, size_bytes=100)):
        sizes.append(len(part.publications) + len(part.entities))
    assert sizes == [1, 1, 2]


def test_a_restart_finds_the_same_parts() -> None:
    """After a crash ids, digests and contents of planned parts are what they were."""
    connection = database()
    store = JournalStore(connection)
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    store.record_batches([batch("u", 0, [ONE, TWO])], 2)
    store.run(flushes.cut)
    planned = [store.run(flushes.plan_part, 1, PartLimits(2, 999)) for _ in range(2)]
    store.record_batches([batch("u", 2, [ONE, TWO])], 2)
    again = JournalStore(connection)
    assert again.run(flushes.open_flush) == OpenFlush(1, undone=(1, 2), planned=False)
    assert [again.run(flushes.read_part, 1, 1), again.run(flushes.read_part, 1, 2)] == planned
    third = again.run(flushes.plan_part, 1, PartLimits(2, 999))
    assert third
    assert third.number == 3
    for part in (*planned, third):
        assert part
        assert part.id == f"{again.run(flushes.position).journal_id}-1-{part.number}"
        assert part.digest == digest(part.publications, part.entities)


def test_damage_is_noticed_before_it_is_sent() -> None:
    """A part whose rows are not what was planned is fatal, with a remedy."""
    connection = database()
    store = JournalStore(connection)
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    store.record_batches([batch("u", 0, [ONE])], 2)
    store.run(flushes.cut)
    store.run(flushes.plan_part, 1, LARGE)
    connection.execute("UPDATE pending SET mentions = mentions + 1 WHERE text <> ''")
    with pytest.raises(CorruptJournalError, match="restore the data directory"):
        store.run(flushes.read_part, 1, 1)


def test_done_twice_is_done_once() -> None:
    """A late reply changes nothing, not even while a later flush has a part of that number."""
    store = journal("u")
    sink = SqliteTallies(database())
    store.record_batches([batch("u", 0, [ONE])], 2)
    flush(store, sink)
    store.record_batches([batch("u", 1, [TWO])], 2)
    store.run(flushes.cut)
    store.run(flushes.plan_part, 2, LARGE)
    assert store.run(flushes.part_done, 1, 1) is False
    assert store.run(flushes.part_done, 2, 9) is False
    assert store.run(flushes.open_flush) == OpenFlush(2, undone=(1,), planned=True)
    assert store.run(flushes.part_done, 2, 1) is True
    assert store.run(flushes.part_done, 2, 1) is False


def test_space_is_used_again() -> None:
    """What a flush has moved leaves no pages behind that the next batches could not use."""
    connection = database()
    store = JournalStore(connection)
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    sink = SqliteTallies(database())
    sizes = []
    for turn in range(6):
        articles: list[Article] = [("Post", [(f"entity {n} {turn}", "P")]) for n in range(500)]
        store.record_batches([batch("u", turn * 500, articles)], 2)
        flush(store, sink)
        sizes.append(connection.execute("PRAGMA page_count").fetchone()[0])
    assert sizes[-1] <= sizes[1] * 1.2


def test_receipts_of_complete_flushes_may_expire_oldest_first() -> None:
    """Only parts of a complete flush are offered, and not again once forgotten."""
    store = journal("u")
    sink = SqliteTallies(database())
    store.record_batches([batch("u", 0, [ONE, TWO])], 2)
    store.run(flushes.cut)
    first = store.run(flushes.plan_part, 1, PartLimits(3, 999))
    assert first
    sink.apply(first)
    store.run(flushes.part_done, 1, 1)
    assert store.run(flushes.expirable, 10) is None
    flush(store, sink)
    store.record_batches([batch("u", 2, [ONE])], 2)
    journal_id = store.run(flushes.position).journal_id
    assert store.run(flushes.expirable, 1) == Expiry(journal_id, 1, (1,))
    store.run(flushes.forget, Expiry(journal_id, 1, (1,)))
    assert store.run(flushes.expirable, 10) == Expiry(journal_id, 1, (2,))
    store.run(flushes.forget, Expiry(journal_id, 1, (2,)))
    assert store.run(flushes.expirable, 10) is None


def test_the_position_says_what_the_sink_must_know() -> None:
    """Part 1 is what the sink's mark hears of."""
    store = journal("u")
    store.record_batches([batch("u", 0, [ONE, TWO])], 2)
    store.run(flushes.cut)
    before = store.run(flushes.position)
    store.run(flushes.plan_part, 1, PartLimits(3, 999))
    planned = store.run(flushes.position)
    store.run(flushes.part_done, 1, 1)
    done = store.run(flushes.position)
    assert before == planned == replace(done, first_part_undone=True)
    assert (done.last_cut, done.last_completed, done.first_part_undone) == (1, 0, False)
