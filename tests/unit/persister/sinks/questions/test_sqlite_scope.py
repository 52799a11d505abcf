"""How much of the embedded store a question may read."""

import sqlite3

import pytest
from newstally_persister.sinks.questions.asked import UnansweredError
from newstally_persister.sinks.questions.sqlite_scope import bounded

NUMBERS = (
    "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
    "SELECT sum(n) FROM numbers"
)


def test_what_takes_too_many_steps_ends_with_what_to_ask_instead() -> None:
    """A question may hold the sink's thread for about a second; the next one is answered."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(UnansweredError, match="ask for fewer days"), bounded(connection, 10_000):
        connection.execute(NUMBERS, (1_000_000,)).fetchone()
    with bounded(connection, 10_000):
        assert connection.execute(NUMBERS, (100,)).fetchone() == (5_050,)
    assert connection.execute(NUMBERS, (10_000,)).fetchone() == (50_005_000,), "bounded no more"
    connection.close()
