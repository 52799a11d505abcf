"""Keys that 0.2.0 made, and what becomes of them under today's rule."""

from typing import Any

import pytest
from newstally_persister.journal.store import JournalStore
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.keys import older_publication_key
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import EVERYTHING, Article, batch, database, flush, spelt_database

NFC, NFD = "Caf\u00e9", "Cafe\u0301"


def older_journal(connection: Any, *names: str) -> JournalStore:
    """Return a journal whose publications 0.2.0 recorded, as today's release opens it."""
    store = JournalStore(connection)
    store.create_uploads([NewUpload("u", "anonymous")], 1)
    connection.executemany(
        "INSERT INTO publications (key, name) VALUES (?, ?)",
        [(older_publication_key(name), name) for name in names],
    )
    return JournalStore(connection)


def counted(store: JournalStore, *names: str) -> dict[str, int]:
    """Record an article of each publication and flush; return the articles of each key."""
    sink = SqliteTallies(spelt_database())  # it keeps the keys that it is given
    articles: list[Article] = [(name, []) for name in names]
    upload = store.get_upload("u")
    assert upload
    store.record_batches([batch("u", upload.next_offset, articles)], 2)
    flush(store, sink)
    return {each.key: each.articles for each in sink.list_publications(EVERYTHING, None).items}


@pytest.mark.parametrize(
    "older", [NFD, "\uff23\uff41\uff46\u00e9", "Caf\u00e9\u200b", "Caf\u00e9\x00"]
)
def test_a_key_that_there_is_goes_on(older: str) -> None:
    """In whichever spelling its articles come now: nothing is counted beside it."""
    store = older_journal(database(), older)
    key = older_publication_key(older)
    assert counted(store, NFC, NFD, older, "Other") == {key: 3, "other": 1}
    assert store.stored_key("caf\u00e9") == key


def test_of_two_keys_todays_form_counts() -> None:
    """Where 0.2.0 told them apart, what comes now is counted under the key that a new store has."""
    store = older_journal(database(), NFD, NFC)
    assert counted(store, NFC, NFD) == {"caf\u00e9": 2}


def test_a_name_over_the_bound_goes_on() -> None:
    """0.2.0 took 4,096 bytes."""
    name = "N" * 3_000
    assert counted(older_journal(database(), name), name) == {name.casefold(): 1}


def test_keys_made_between_two_starts_are_noted() -> None:
    """The release before may have been at work meanwhile."""
    connection = database()
    older_journal(connection)
    connection.execute("INSERT INTO publications VALUES (?, ?)", (older_publication_key(NFD), NFD))
    assert counted(JournalStore(connection), NFC) == {older_publication_key(NFD): 1}
