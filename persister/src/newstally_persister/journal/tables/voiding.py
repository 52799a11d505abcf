"""How a part that the sink refuses is voided. Each function is for `JournalStore.run`.

    undone ──begin──▶ voiding ──tombstone in the sink──▶ finish: done, and its rows
                         │                               planned anew in two parts,
                         │                               or the only one set aside
                         └──the sink had applied it──▶ done, as any other

`begin` is durable before the tombstone is sent, and the tombstone before `finish`. So whichever is
the last thing to happen before a crash, the next start asks the sink for the tombstone again, which
takes the part's receipt: what is still on its way of the part can never be applied after that.
"""

import sqlite3

from newstally_persister import failpoints
from newstally_persister.journal.tables import flushes, pending, schema, set_aside
from newstally_persister.values.voids import Voided


def begin(connection: sqlite3.Connection, flush: int, number: int, reason: str, limit: int) -> bool:
    """Note that a part is to be voided, from now on for good; doing it again changes nothing.

    Returns False, and changes nothing, where a single row would have to be set aside and `limit`
    rows are already.
    """
    bounds = flushes.bounds(connection, flush, number)
    single = bounds[:3] == bounds[3:]
    if single and set_aside.count(connection) + _singles(connection) >= limit:
        return False
    connection.execute(
        "INSERT INTO voiding VALUES (?, ?, ?) ON CONFLICT DO NOTHING", (flush, number, reason)
    )
    schema.hold(connection, held=True)
    return True


def finish(connection: sqlite3.Connection, flush: int, number: int) -> Voided:
    """Plan the rows of a part anew whose tombstone is in the sink; a single one is set aside.

    Completes the flush if that was the last part of it.
    """
    bounds = flushes.bounds(connection, flush, number)
    rows = list(pending.between(connection, flush, bounds))
    (reason,) = connection.execute(
        "DELETE FROM voiding WHERE flush = ? AND part = ? RETURNING reason", (flush, number)
    ).fetchall()[0]
    connection.execute("UPDATE parts SET done = 1 WHERE flush = ? AND part = ?", (flush, number))
    failpoints.reach("before-replanning")
    if len(rows) == 1:
        row = set_aside.add(connection, rows[0], reason)
        pending.delete(connection, flush, bounds)
        flushes.complete_if_done(connection)
        return Voided((), row, set_aside.count(connection))
    half = len(rows) // 2
    parts = [flushes.fix_part(connection, flush, some) for some in (rows[:half], rows[half:])]
    numbers = tuple(part.number for part in parts)
    connection.executemany(
        "INSERT INTO replanned VALUES (?, ?)", [(flush, anew) for anew in numbers]
    )
    return Voided(numbers, None, set_aside.count(connection))


def _singles(connection: sqlite3.Connection) -> int:
    """Return how many single rows are being voided."""
    return int(
        connection.execute(
            "SELECT count(*) FROM voiding JOIN parts USING (flush, part) WHERE "
            "(first_key, first_text, first_label) = (last_key, last_text, last_label)"
        ).fetchone()[0]
    )
