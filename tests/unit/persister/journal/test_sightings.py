"""Which errors are new since the last release."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.journal import sightings
from newstally_persister.journal.opening import open_journal
from newstally_persister.journal.sightings import SIGHTINGS, Sighting

OLD, NEW = "0.2.0", "0.3.0+0123456789ab"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    journal = open_journal(tmp_path / "data")
    journal.close()
    connection = sqlite3.connect(journal.path)
    yield connection
    connection.close()


def seen(
    connection: sqlite3.Connection, now: int, *each: tuple[str, str], service: str = "extractor"
) -> Sequence[str]:
    """Note (release, fingerprint) pairs; return what is new then."""
    noted = [Sighting(service, release, fingerprint) for release, fingerprint in each]
    sightings.note(connection, noted, now)
    return sightings.new_errors(connection)


def test_with_one_release_nothing_is_new(connection: sqlite3.Connection) -> None:
    """There is nothing that it could be compared with."""
    assert seen(connection, 1, (NEW, ""), (NEW, "a")) == []


def test_an_error_is_new_that_only_the_newest_release_has(connection: sqlite3.Connection) -> None:
    """Until an older one has it, too; of two services each counts for itself."""
    seen(connection, 1, (OLD, ""), (OLD, "old"))
    assert seen(connection, 2, (NEW, ""), (NEW, "old"), (NEW, "new")) == ["new"]
    assert seen(connection, 3, (NEW, "later"), (OLD, "beside")) == ["later", "new"]
    assert seen(connection, 4, (OLD, "new")) == ["later"]
    assert seen(connection, 5, ("0.4.0", ""), service="gateway") == ["later"]
    assert seen(connection, 6, ("0.4.0", "")) == []


def test_what_was_noted_stays(connection: sqlite3.Connection) -> None:
    """The first time counts, however often it is said again."""
    seen(connection, 1, (OLD, ""), (NEW, ""), (NEW, "a"))
    assert seen(connection, 9, (OLD, ""), (NEW, ""), (NEW, "a")) == ["a"]


@given(st.lists(st.tuples(st.text(max_size=90), st.text(max_size=90)), max_size=20))
def test_texts_that_are_too_long_are_not_kept(each: list[tuple[str, str]]) -> None:
    """Nor are those without a service or a release; nothing fails."""
    with sqlite3.connect(":memory:") as connection:
        connection.execute(
            "CREATE TABLE sightings (service TEXT, fingerprint TEXT, release TEXT,"
            " first_micros INTEGER, PRIMARY KEY (service, fingerprint, release)) WITHOUT ROWID"
        )
        seen(connection, 1, *each)
        for _, fingerprint, release, _ in connection.execute("SELECT * FROM sightings"):
            assert 0 < len(release.encode()) <= sightings.TEXT_BYTES
            assert len(fingerprint.encode()) <= sightings.TEXT_BYTES
    connection.close()


def test_they_are_bounded(connection: sqlite3.Connection) -> None:
    """Those that were seen first longest ago go."""
    for start in range(0, SIGHTINGS + 500, 500):
        seen(connection, start * 10, *((OLD, str(start + number)) for number in range(500)))
    kept = {int(each) for (each,) in connection.execute("SELECT fingerprint FROM sightings")}
    assert kept == set(range(500, SIGHTINGS + 500))


def test_a_clock_that_was_ahead_hides_no_later_release(connection: sqlite3.Connection) -> None:
    """What is noted later is later."""
    assert seen(connection, 10**18, (OLD, ""), (OLD, "a")) == []
    assert seen(connection, 5, (NEW, ""), (NEW, "a"), (NEW, "b")) == ["b"]
