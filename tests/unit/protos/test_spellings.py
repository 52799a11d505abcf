"""Which spelling of an entity is shown."""

import sqlite3
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.spellings import BETTER_SQL, better

SPELLINGS = st.text("aAbBzZ \u00e9\u00c9\u03c3\u03a3-'", max_size=4)


@pytest.mark.parametrize(
    ("worse", "best"),
    [
        ("ANGELA MERKEL", "Angela Merkel"),
        ("angela merkel", "Angela Merkel"),
        ("Angela merkel", "Angela Merkel"),
        ("nato", "NATO"),
        ("IPHONE", "iPhone"),
        ("", "x"),
    ],
)
def test_as_readers_write_it(worse: str, best: str) -> None:
    """In either order."""
    assert better(worse, best) == better(best, worse) == best


@given(st.lists(SPELLINGS, min_size=1), st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(spellings: list[str], random: object) -> None:
    """Nor how often one comes, nor what was put together first."""
    best = reduce(better, spellings)
    assert best == reduce(better, sorted(spellings)) == reduce(better, [*spellings, *spellings])
    half = len(spellings) // 2
    assert best == better(
        reduce(better, spellings[:half], ""), reduce(better, spellings[half:], "")
    )


@given(SPELLINGS, SPELLINGS)
def test_sqlite_decides_the_same(one: str, other: str) -> None:
    """What the journal and the embedded sink merge, the gateway would have merged so."""
    with sqlite3.connect(":memory:") as connection:
        statement = f"SELECT {BETTER_SQL.format(old='?1', new='?2')}"
        (found,) = connection.execute(statement, (one or None, other or None)).fetchone()
    connection.close()
    assert (found or "") == better(one, other)
