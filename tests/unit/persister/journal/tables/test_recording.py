"""Recording: the compare-and-set on next_offset, and its answers."""

from dataclasses import replace

import pytest
from newstally_persister.journal.errors import JournalVersionError
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, models
from newstally_persister.journal.tables.flushes import position
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.batches import read_batch
from newstally_persister.values.parts import digest
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import (
    EVERYTHING,
    LARGE,
    Article,
    batch,
    database,
    flush,
    journal,
    recount,
    request,
    sink_tallies,
)

ONE: Article = ("Post", [("x", "P")])


def test_a_batch_in_turn_is_recorded_with_its_totals() -> None:
    """The answer carries the upload as it stands after the batch."""
    (answer,) = journal("u").record_batches([batch("u", 0, [ONE, None, ("Times", [])])], 7)
    assert answer
    assert answer.recorded
    upload = answer.upload
    assert (upload.next_offset, upload.counted, upload.refused, upload.mentions) == (3, 2, 1, 1)
    assert (upload.applied_offset, upload.models, upload.update_micros) == (0, ("en 1",), 7)


@pytest.mark.parametrize("first", [0, 1, 3, 9])
def test_a_batch_out_of_turn_changes_nothing_and_is_told_the_truth(first: int) -> None:
    """Behind or ahead of next_offset: no change, and the answer says where the upload is."""
    store = journal("u")
    (before,) = store.record_batches([batch("u", 0, [ONE, None])], 2)
    (answer,) = store.record_batches([batch("u", first, [ONE, ONE, None])], 3)
    assert before
    assert answer == (before.upload, False, False, False)
    assert store.get_upload("u") == before.upload
    assert len(store.list_refusals("u", -1, 10)) == 1


def test_a_group_is_decided_in_order() -> None:
    """In one group a batch sees the ones before it; each gets its own answer."""
    store = journal("u", "v")
    answers = store.record_batches(
        [
            batch("u", 0, [ONE]),
            batch("u", 0, [ONE]),
            batch("nobody", 0, [ONE]),
            batch("v", 1, [ONE]),
            batch("u", 1, [ONE]),
        ],
        2,
    )
    assert [answer and (answer.recorded, answer.upload.next_offset) for answer in answers] == [
        (True, 1),
        (False, 1),
        None,
        (False, 0),
        (True, 2),
    ]
    sink = SqliteTallies(database())
    flush(store, sink)
    assert sink_tallies(sink) == recount([ONE, ONE])


def test_two_batches_of_one_group_add_up() -> None:
    """Rows that several batches of a group share are the sum of them."""
    store = journal("u", "v")
    many: list[Article] = [("Post", [(f"entity {number}", "P")] * 3) for number in range(120)]
    store.record_batches([batch("u", 0, many), batch("v", 0, many)], 2)
    sink = SqliteTallies(database())
    flush(store, sink)
    assert sink_tallies(sink) == recount([*many, *many])


def test_the_first_name_wins_for_ever() -> None:
    """A publication keeps the spelling it was first recorded with, over flushes and restarts."""
    connection = database()
    store = JournalStore(connection)
    sink = SqliteTallies(database())
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    for offset, name in enumerate(["The Times", "THE TIMES", "the times"]):
        store.record_batches([batch("u", offset, [(name, [])])], 2)
        flush(store, sink)
        store = JournalStore(connection)
    (tally,) = sink.list_publications(EVERYTHING, None).items
    assert (tally.key, tally.name, tally.articles) == ("the times", "The Times", 3)


def test_names_are_recorded_once_and_go_with_the_part() -> None:
    """The best of all batches since the last flush, for whichever publication; then it is gone."""
    store = journal("u")
    spelt = ["ANNA", "", "Anna"]
    for offset, name in enumerate(spelt):
        wanted = request("u", offset, [(f"Post{offset % 2}", [("anna", "P")])])
        wanted.publications[0].entity_tallies[0].name = name
        store.record_batches([read_batch(wanted)], 1)
    store.run(flushes.cut)
    part = store.run(lambda connection: flushes.plan_part(connection, 1, LARGE))
    assert part is not None
    assert [(row.publication_key, row.name) for row in part.entities] == [
        ("post0", "Anna"),
        ("post1", None),
    ]
    assert store.run(lambda connection: flushes.read_part(connection, 1, 1)) == part
    nameless = [row._replace(name=None) for row in part.entities]
    assert part.digest == digest(part.publications, nameless)


def test_the_stores_models_are_known() -> None:
    """Of all uploads; those that the release before recorded are found at the next start."""
    connection = database()
    store = JournalStore(connection)
    store.create_uploads([NewUpload("u", "anonymous"), NewUpload("v", "anonymous")], 1)
    store.record_batches([batch("u", 0, [ONE])], 1)
    assert models.read(connection) == ["en 1"]
    connection.execute("UPDATE uploads SET models = '[\"en 0\"]' WHERE upload_id = 'v'")
    again = JournalStore(connection)
    assert models.read(connection) == ["en 0", "en 1"]
    again.record_batches([batch("u", 1, [ONE])], 2)
    assert models.read(connection) == ["en 0", "en 1"]


def test_models_accumulate() -> None:
    """An upload names every model that extracted it, sorted, each once."""
    store = journal("u")
    for offset, model in enumerate(["b 1", "a 2", "b 1"]):
        sent = batch("u", offset, [ONE])
        object.__setattr__(sent, "models", (model,))
        store.record_batches([sent], 2)
    upload = store.get_upload("u")
    assert upload
    assert upload.models == ("a 2", "b 1")


def test_creating_again_returns_the_upload_as_it_stands() -> None:
    """The id decides: nothing is reset, and another owner's wish changes nothing."""
    store = journal("u")
    store.record_batches([batch("u", 0, [ONE])], 2)
    again, other, fresh = store.create_uploads(
        [NewUpload("u", "anonymous"), NewUpload("u", "somebody"), NewUpload("w", "somebody")], 9
    )
    assert again
    assert fresh
    assert (again.owner, again.next_offset, again.create_micros) == ("anonymous", 1, 1)
    assert other == again
    assert (fresh.owner, fresh.next_offset, fresh.create_micros) == ("somebody", 0, 9)


def test_a_fingerprint_stays_what_it_was_at_first() -> None:
    """Whoever asks for the upload again learns it; without one nothing is known."""
    store = journal()
    wishes = [NewUpload("u", "me", b"one"), NewUpload("u", "me", b"two"), NewUpload("v", "me")]
    uploads = store.create_uploads(wishes, 1)
    assert [upload and upload.fingerprint for upload in uploads] == [b"one", b"one", b""]
    (late,) = store.create_uploads([NewUpload("v", "me", b"late")], 2)
    assert late
    assert late.fingerprint == b""


def test_an_owner_makes_so_many_uploads_a_day_and_no_more() -> None:
    """Those that exist are found all the same, others' bounds are their own, a day passes."""
    store = journal()
    day = 86_400_000_000

    def make(name: str, owner: str, micros: int) -> bool:
        (upload,) = store.create_uploads([NewUpload(name, owner, per_day=2)], micros)
        return upload is not None

    assert [make(name, "me", 5) for name in "abcac"] == [True, True, False, True, False]
    assert make("d", "you", 5)
    assert not make("e", "me", day - 1)
    assert make("e", "me", day)
    assert make("f", "me", day + 1)
    # A clock that was set back makes no room.
    assert not make("g", "me", 5)


def test_a_clock_that_was_years_ahead_holds_nobody_up() -> None:
    """Once it is right again, days are counted as ever."""
    store = journal()
    day = 86_400_000_000
    made = [
        store.create_uploads([NewUpload(name, "me", per_day=1)], micros)[0] is not None
        for name, micros in (("a", 40_000 * day), ("b", 40_000 * day), ("c", 5), ("d", 6))
    ]
    assert made == [True, False, True, False]


def brought(store: JournalStore, *groups: list[str]) -> list[bool]:
    """Record groups of batches, one for each publication, of which a day may bring two new ones."""
    upload = store.get_upload("u")
    assert upload
    offset, found = upload.next_offset, []
    for names in groups:
        batches = [
            replace(batch("u", offset + number, [(name, [])]), publications_per_day=2)
            for number, name in enumerate(names)
        ]
        answers = store.record_batches(batches, 2)
        found += [answer is not None and answer.recorded for answer in answers]
        offset += len(names)
    return found


def test_a_day_brings_so_many_new_publications_and_no_more() -> None:
    """One that comes often is new once, in however many batches of a group."""
    assert brought(journal("u"), ["A"] * 5, ["A", "B", "B", "A"]) == [True] * 9
    assert brought(journal("u"), ["A", "B", "A", "C"]) == [True, True, True, False]


def test_a_publication_under_an_older_key_is_not_new() -> None:
    """What 0.2.0 has recorded comes every day."""
    connection = database()
    JournalStore(connection).create_uploads([NewUpload("u", "anonymous")], 1)
    connection.execute("INSERT INTO publications (key, name) VALUES ('news\u2122', 'News\u2122')")
    assert brought(JournalStore(connection), ["News\u2122"], ["NewsTM"], ["News\u2122"] * 5) == (
        [True] * 7
    )


def test_a_clock_that_was_set_back_does_not_show() -> None:
    """update_time never moves backwards."""
    store = journal("u")
    store.record_batches([batch("u", 0, [ONE])], 50)
    (answer,) = store.record_batches([batch("u", 1, [ONE])], 20)
    assert answer
    assert answer.upload.update_micros == 50


def test_refusals_are_listed_by_offset_in_pages() -> None:
    """A page begins after the offset it is told."""
    store = journal("u")
    store.record_batches([batch("u", 0, [None, ONE, None, None])], 2)
    assert [refusal.offset for refusal in store.list_refusals("u", -1, 2)] == [0, 2]
    assert [refusal.offset for refusal in store.list_refusals("u", 2, 2)] == [3]


def test_any_text_comes_through_unchanged() -> None:
    """Zero bytes, quotes and characters beyond the basic plane are only text."""
    store = journal("u")
    text = "a\x00b'\"\\%_😀\u200d"
    articles: list[Article] = [(f"Post{text}", [(text, "P")])]
    store.record_batches([batch("u", 0, articles)], 2)
    sink = SqliteTallies(database())
    flush(store, sink)
    assert sink_tallies(sink) == recount(articles)


def test_a_newer_journal_is_refused() -> None:
    """A journal of a newer release is not touched, and the message says what to do."""
    connection = database()
    JournalStore(connection)
    connection.execute("PRAGMA user_version = 99")
    with pytest.raises(JournalVersionError, match="start the release that wrote it"):
        JournalStore(connection)


def test_a_journal_keeps_its_id() -> None:
    """The id is made once, with the journal."""
    connection = database()
    first = JournalStore(connection, lambda: "one").run(position).journal_id
    assert JournalStore(connection, lambda: "two").run(position).journal_id == first == "one"
