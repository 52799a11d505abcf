"""Tallies by day in the embedded sink."""

from pathlib import Path

import pytest
from newstally_persister.sinks import sqlite_schema
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.sinks.sqlite import SqliteSink, weigh
from newstally_persister.sinks.sqlite_schema import NUMBERED, SPELT
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.sinks.sqlite_upgrade import convert
from newstally_persister.values.parts import EntityRow, Part, PublicationRow
from unit.persister.building import database, sink_days, sink_tallies, spelt_database

NFD = "cafe\u0301"


def part(flush: int, publications: list[PublicationRow], entities: list[EntityRow]) -> Part:
    return Part("j", flush, 1, f"digest {flush}", publications, entities)


PUBLICATION = PublicationRow("post", "Post", 5, 3, ((-1, 1, 1), (20_000, 3, 1)))
ENTITY = EntityRow("post", "x", "P", 4, 2, None, ((-1, 1, 1), (20_000, 3, 1)))


def test_days_add_up_over_flushes() -> None:
    """And what has none is what the totals have more."""
    sink = SqliteTallies(database())
    sink.apply(part(1, [PUBLICATION], [ENTITY]))
    sink.apply(part(2, [PUBLICATION], [ENTITY]))
    found = sink_days(sink)
    assert found["post", "", "", "mentions", 20_000] == 6
    assert found["post", "", "", "articles", None] == 2
    assert found["post", "x", "P", "articles", -1] == 2
    assert found["post", "x", "P", "mentions", None] == 0


def test_a_part_that_comes_again_changes_no_day() -> None:
    """Its receipt answers."""
    sink = SqliteTallies(database())
    sink.apply(part(1, [PUBLICATION], [ENTITY]))
    before = sink_days(sink)
    sink.apply(part(1, [PUBLICATION], [ENTITY]))
    assert sink_days(sink) == before


def test_keys_of_an_older_form_count_on_the_same_day() -> None:
    """Two keys of one part that name one publication add up."""
    rows = [PublicationRow(key, "Café", 1, 1, ((7, 1, 1),)) for key in (NFD, "caf\u00e9")]
    sink = SqliteTallies(database())
    sink.apply(part(1, rows, []))
    assert sink_days(sink)["caf\u00e9", "", "", "articles", 7] == 2


def test_each_day_of_entities_is_known_of_the_publication() -> None:
    """Also while the publication's own row is in another part."""
    connection = database()
    sink = SqliteTallies(connection)
    select = "SELECT day, articles FROM publication_days ORDER BY day"
    sink.apply(part(1, [], [ENTITY]))
    assert connection.execute(select).fetchall() == [(-1, 0), (20_000, 0)]
    sink.apply(part(2, [PUBLICATION], []))
    assert connection.execute(select).fetchall() == [(-1, 1), (20_000, 1)]


def test_the_older_form_counts_under_no_day() -> None:
    """Nothing else is lost."""
    sink = SqliteTallies(spelt_database())
    assert not sink.keeps_days
    sink.apply(part(1, [PUBLICATION], [ENTITY]))
    assert sink_tallies(sink)["post", "x", "P", "mentions"] == 4


async def test_days_that_are_not_kept_are_told_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the remedy."""
    path = tmp_path / "tallies.db"
    connection = sqlite_schema.connect(path)
    convert(connection, SPELT)
    connection.close()
    sink = SqliteSink(path, 1)
    for flush in (1, 2):
        await sink.apply(part(flush, [PUBLICATION], [ENTITY]))
    await sink.close()
    assert capsys.readouterr().out.count("upgrade-store") == 1


def test_a_store_with_days_is_not_led_back_unasked() -> None:
    """With it said, totals stay; led forward again, no day of before is there."""
    connection = database()
    sink = SqliteTallies(connection)
    sink.apply(part(1, [PUBLICATION], [ENTITY]))
    before = sink_tallies(sink)
    with pytest.raises(PermanentSinkError, match="2 days would be lost"):
        convert(connection, SPELT)
    assert sink_tallies(SqliteTallies(connection)) == before
    assert convert(connection, SPELT, drop_days=True)
    assert sink_tallies(SqliteTallies(connection)) == before
    assert convert(connection, NUMBERED)
    found = sink_days(SqliteTallies(connection))
    assert {key[-1] for key in found} == {None}
    assert sink_tallies(SqliteTallies(connection)) == before


def test_a_store_of_numbers_without_days_gets_them() -> None:
    """One that an earlier build made."""
    connection = database()
    SqliteTallies(connection)
    for table in ("entity_days", "publication_days"):
        connection.execute(f"DROP TABLE {table}")
    sink = SqliteTallies(connection)
    sink.apply(part(1, [PUBLICATION], [ENTITY]))
    assert sink_days(sink)["post", "", "", "articles", -1] == 1


def test_days_weigh_in_a_part() -> None:
    """Each may touch a page."""
    assert weigh(ENTITY) == len("postxP") + 2 * 512
