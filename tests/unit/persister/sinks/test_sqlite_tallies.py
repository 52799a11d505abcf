"""The embedded sink: each part once, lists in order, receipts and marks."""

import pytest
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import (
    JournalMismatchError,
    Mark,
    PageLimits,
    PermanentSinkError,
    PublicationUnknownError,
)
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from newstally_persister.values.progress import Expiry
from unit.persister.building import EVERYTHING, database, sink_tallies


def part(flush: int, number: int, *entities: tuple[str, str, int], journal_id: str = "j") -> Part:
    """Return a part with entities of one publication: (text, label, mentions)."""
    publications = [PublicationRow("post", "Post", sum(row[2] for row in entities), 1)]
    rows = [EntityRow("post", text, label, mentions, 1) for text, label, mentions in entities]
    return Part(journal_id, flush, number, digest(publications, rows), publications, rows)


@pytest.fixture
def sink() -> SqliteTallies:
    return SqliteTallies(database())


def test_a_part_is_applied_once(sink: SqliteTallies) -> None:
    """The same part again changes nothing and is no error: the first reply was lost."""
    assert sink.apply(part(1, 1, ("x", "P", 3))) is True
    before = sink_tallies(sink)
    assert sink.apply(part(1, 1, ("x", "P", 3))) is False
    assert sink_tallies(sink) == before
    assert sink.mark("j") == Mark(started=1, completed=0)


def test_the_best_name_stays(sink: SqliteTallies) -> None:
    """Whichever flush brings it; a row without one takes none away."""
    for flush, name in enumerate(
        [None, "ANGELA MERKEL", "Angela Merkel", "angela merkel", None], 1
    ):
        row = EntityRow("post", "angela merkel", "PERSON", 1, 1, name)
        publications = [PublicationRow("post", "Post", 1, 1)]
        sink.apply(Part("j", flush, 1, digest(publications, [row]), publications, [row]))
        sink.expire(Expiry("j", flush, (1,)), 1, 1)
    (found,) = sink.list_entity_tallies("post", "", EVERYTHING, None).items
    assert (found.mentions, found.name) == (5, "Angela Merkel")


def test_the_best_name_of_a_part_stays(sink: SqliteTallies) -> None:
    """An entity of several publications has one name: the best that came for any of them."""
    spelt = {"post": "ANGELA MERKEL", "sun": None, "times": "Angela Merkel", "zeit": "angela"}
    publications = [PublicationRow(key, key.title(), 1, 1) for key in spelt]
    rows = [EntityRow(key, "angela merkel", "PERSON", 1, 1, name) for key, name in spelt.items()]
    sink.apply(Part("j", 1, 1, digest(publications, rows), publications, rows))
    for key in spelt:
        (found,) = sink.list_entity_tallies(key, "", EVERYTHING, None).items
        assert (found.mentions, found.name) == (1, "Angela Merkel")


def test_tables_of_the_release_before_get_names() -> None:
    """They are kept as they are; what was counted without a name shows none."""
    connection = database()
    for statement in (*sqlite_schema.SPELT_TABLES, *sqlite_schema.BOOKS):
        connection.execute(statement)
    connection.execute("PRAGMA user_version = 1")
    connection.execute(
        "INSERT INTO publications (key, name, mentions, articles) VALUES ('p','P',2,1)"
    )
    old = (
        "INSERT INTO entities (publication_key, text, label, mentions, articles) VALUES (?,?,?,1,1)"
    )
    connection.execute(old, ("p", "nato", "ORG"))
    sink = SqliteTallies(connection)
    connection.execute(old, ("p", "un", "ORG"))  # the release before is back for a while
    found = SqliteTallies(connection).list_entity_tallies("p", "", EVERYTHING, None).items
    assert [(tally.text, tally.name) for tally in found] == [("nato", ""), ("un", "")]
    assert sink.mark("j") == Mark(0, 0)


def test_another_content_under_a_used_id_is_refused(sink: SqliteTallies) -> None:
    """Two journals under one id: the second is stopped, and nothing of it is counted."""
    sink.apply(part(1, 1, ("x", "P", 3)))
    before = sink_tallies(sink)
    with pytest.raises(JournalMismatchError, match="another persister works on a copy"):
        sink.apply(part(1, 1, ("x", "P", 4)))
    assert sink_tallies(sink) == before


@pytest.mark.parametrize("flush", [1, 2, 4, 9])
def test_part_one_only_follows_the_mark(sink: SqliteTallies, flush: int) -> None:
    """Part 1 moves the mark from the flush before it, and from nowhere else."""
    for number in (1, 2):
        sink.apply(part(number, 1, ("x", "P", 1)))
    sink.expire(Expiry("j", 1, (1,)), expire_seconds=0, now_seconds=1)
    before = sink_tallies(sink)
    with pytest.raises(JournalMismatchError):
        sink.apply(part(flush, 1, ("x", "P", 7)))
    assert sink_tallies(sink) == before
    assert sink.mark("j").started == 2


def test_other_parts_need_their_first(sink: SqliteTallies) -> None:
    """A part of a flush that was not started, or is complete, is refused."""
    with pytest.raises(JournalMismatchError):
        sink.apply(part(1, 2, ("x", "P", 1)))
    sink.apply(part(1, 1, ("x", "P", 1)))
    sink.apply(part(1, 2, ("x", "P", 1)))
    sink.expire(Expiry("j", 1, (1, 2)), expire_seconds=9, now_seconds=1)
    with pytest.raises(JournalMismatchError):
        sink.apply(part(1, 3, ("x", "P", 1)))


def test_journals_do_not_know_each_other(sink: SqliteTallies) -> None:
    """Each journal has its own mark and receipts; their tallies add up."""
    sink.apply(part(1, 1, ("x", "P", 1)))
    sink.apply(part(1, 1, ("x", "P", 2), journal_id="k"))
    assert sink_tallies(sink)["post", "x", "P", "mentions"] == 3
    assert (sink.mark("j"), sink.mark("k"), sink.mark("l")) == (Mark(1, 0), Mark(1, 0), Mark(0, 0))


def test_receipts_are_swept_after_their_time(sink: SqliteTallies) -> None:
    """Old receipts go, those of the last flush stay: a copied journal would meet no other guard."""
    connection = sink._connection
    for flush in (1, 2):
        sink.apply(part(flush, 1, ("x", "P", 1)))
        sink.expire(Expiry("j", flush, (1,)), expire_seconds=100, now_seconds=0)

    def kept() -> list[int]:
        return [row[0] for row in connection.execute("SELECT flush FROM receipts ORDER BY flush")]

    assert kept() == [1, 2]
    sink.expire(Expiry("j", 2, (1,)), expire_seconds=100, now_seconds=101)
    assert kept() == [2]
    assert sink.mark("j") == Mark(started=2, completed=2)


def test_lists_are_ordered_and_pages_join(sink: SqliteTallies) -> None:
    """Mentions descending, then text, then label; pages of any size give the same list."""
    rows = [("b", "P", 2), ("a", "P", 2), ("a", "O", 2), ("c", "P", 9), ("d", "O", 1)]
    sink.apply(part(1, 1, *rows))
    ordered = [("c", "P"), ("a", "O"), ("a", "P"), ("b", "P"), ("d", "O")]
    for size in (1, 2, 3, 5, 99):
        found: list[tuple[str, str]] = []
        after = None
        while True:
            page = sink.list_entity_tallies("post", "", PageLimits(size, 10_000), after)
            assert len(page.items) <= size
            found.extend((item.text, item.label) for item in page.items)
            if not page.more:
                break
            after = (page.items[-1].mentions, page.items[-1].text, page.items[-1].label)
        assert found == ordered


def test_a_label_is_a_filter_of_the_same_list(sink: SqliteTallies) -> None:
    """With a label, only its entities, in the same order, in pages."""
    sink.apply(part(1, 1, ("b", "P", 2), ("a", "P", 2), ("a", "O", 5), ("c", "P", 9)))
    first = sink.list_entity_tallies("post", "P", PageLimits(2, 10_000), None)
    assert [item.text for item in first.items] == ["c", "a"]
    assert first.more
    second = sink.list_entity_tallies("post", "P", PageLimits(2, 10_000), (2, "a", "P"))
    assert [item.text for item in second.items] == ["b"]
    assert not second.more
    assert sink.list_entity_tallies("post", "X", EVERYTHING, None).items == []


def test_publications_are_listed_by_mentions_then_key(sink: SqliteTallies) -> None:
    """Mentions descending, then key; pages join."""
    publications = [
        PublicationRow(key, key.upper(), mentions, 1)
        for key, mentions in [("a", 1), ("b", 5), ("c", 1)]
    ]
    sink.apply(Part("j", 1, 1, digest(publications, []), publications, []))
    first = sink.list_publications(PageLimits(2, 10_000), None)
    assert [item.key for item in first.items] == ["b", "a"]
    rest = sink.list_publications(PageLimits(2, 10_000), (1, "a"))
    assert [(item.key, item.name) for item in rest.items] == [("c", "C")]


def test_a_page_is_bounded_in_bytes(sink: SqliteTallies) -> None:
    """A page ends before its bytes do, and one item always fits."""
    sink.apply(part(1, 1, ("x" * 400, "P", 3), ("y" * 400, "P", 2), ("z" * 4_000, "P", 1)))
    page = sink.list_entity_tallies("post", "", PageLimits(100, 1_000), None)
    assert [item.text[0] for item in page.items] == ["x", "y"]
    assert page.more
    rest = sink.list_entity_tallies("post", "", PageLimits(100, 1_000), (2, "y" * 400, "P"))
    assert [item.text[0] for item in rest.items] == ["z"]


def test_an_unknown_publication_is_not_an_empty_one(sink: SqliteTallies) -> None:
    """A publication without entities has an empty list; one that is not there has none."""
    sink.apply(part(1, 1))
    assert sink.list_entity_tallies("post", "", EVERYTHING, None).items == []
    with pytest.raises(PublicationUnknownError):
        sink.list_entity_tallies("times", "", EVERYTHING, None)


def test_newer_tables_are_refused() -> None:
    """Tallies of a newer release are not touched, and the remedy says what to do."""
    connection = database()
    SqliteTallies(connection)
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(PermanentSinkError) as caught:
        SqliteTallies(connection)
    assert "newer" in caught.value.remedy


@pytest.mark.parametrize("label", ["", "P"])
def test_a_page_is_read_by_mentions(label: str) -> None:
    """However many entities a publication has: none is read that is not on the page, or tied."""
    connection = database()
    sink = SqliteTallies(connection)
    sink.apply(part(1, 1, ("x", "P", 3), ("y", "P", 2), ("z", "P", 2), ("zz", "P", 1)))
    queries: list[str] = []
    connection.set_trace_callback(queries.append)
    found = sink.list_entity_tallies("post", label, PageLimits(2, 9_999), None)
    connection.set_trace_callback(None)
    assert [each.text for each in found.items] == ["x", "y"]
    plans = [row[3] for each in queries for row in connection.execute(f"EXPLAIN QUERY PLAN {each}")]
    of_entities = [plan for plan in plans if plan.startswith("SEARCH t ")]
    assert len(of_entities) >= 3
    assert all("INDEX entity_tallies_most" in plan and "mentions" in plan for plan in of_entities)
    assert all("COVERING" in plan for plan in of_entities)
