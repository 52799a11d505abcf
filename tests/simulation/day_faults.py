"""Faults of days alone, planted at the machines' seams: all totals are right."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Concatenate, ParamSpec, TypeVar

from newstally_persister.flushing.calls import Call, CutFlush, FinishVoid
from newstally_persister.journal.store import JournalStore
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.batches import Batch
from newstally_persister.values.parts import Part
from newstally_persister.values.uploads import Recorded
from simulation.sink import Sink

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class _Undoing(JournalStore):
    """Does something wrong after some work, in a transaction of its own."""

    after: type[Call]
    statement: str

    def run(
        self,
        work: Callable[Concatenate[sqlite3.Connection, Arguments], Result],
        *args: Arguments.args,
        **named: Arguments.kwargs,
    ) -> Result:
        result = super().run(work, *args, **named)
        if isinstance(work, self.after):
            super().run(lambda connection: connection.execute(self.statement))
        return result


class LosesDaysAtACut(_Undoing):
    """Forgets other days than the usual one when a flush is cut."""

    after = CutFlush
    statement = "DELETE FROM pending_days"


class TakesTheDayOfTheFlushBefore(_Undoing):
    """Has one usual day for all."""

    after = CutFlush
    statement = "UPDATE usual_days SET day = 20000"


class SetsAsideWithoutDays(_Undoing):
    """Keeps of a row that is set aside the totals."""

    after = FinishVoid
    statement = "DELETE FROM set_aside_days"


class RecordsTheUsualDayAlone(JournalStore):
    """Takes the first day of a batch for that of all."""

    def record_batches(self, batches: Sequence[Batch], now_micros: int) -> list[Recorded | None]:
        first = [replace(batch, days=dict([*batch.days.items()][:1])) for batch in batches]
        return super().record_batches(first, now_micros)


class CountsDaysAgain(Sink):
    """Adds a part's days each time that it comes, and its totals once."""

    def open(self) -> SqliteTallies:
        return _Again(self.disk)


class _Again(SqliteTallies):
    def apply(self, part: Part) -> bool:
        applied = super().apply(part)
        if not applied:
            for row in part.publications:
                self._connection.executemany(
                    "UPDATE publication_days SET articles = articles + ? WHERE day = ? "
                    "AND publication = (SELECT publication FROM publication_tallies WHERE key = ?)",
                    [(articles, day, row.key) for day, _, articles in row.days],
                )
        return applied


class AddsToNoRollup(Sink):
    """Counts days, and says that they are in the rollups, which they are not."""

    def open(self) -> SqliteTallies:
        return _WithoutRuns(self.disk)


class _WithoutRuns(SqliteTallies):
    def apply(self, part: Part) -> bool:
        (last,) = self._connection.execute("SELECT coalesce(max(run), 0) FROM rollups").fetchone()
        applied = super().apply(part)
        self._connection.execute("DELETE FROM rollups WHERE run > ?", (last,))
        return applied


class LosesARunWhenItMerges(Sink):
    """Leaves out what a part added when it makes one run of many."""

    def open(self) -> SqliteTallies:
        return _Merging(self.disk)


class _Merging(SqliteTallies):
    def keep(self, *, idle: bool = False) -> bool:
        self._connection.execute(
            "DELETE FROM rollups WHERE run IN (SELECT max(run) FROM rollups "
            "GROUP BY level, block HAVING count(*) >= 8)"
        )
        return super().keep(idle=idle)


FAULTS = {
    "loses days when a flush is cut": LosesDaysAtACut,
    "takes one day for the usual one of every flush": TakesTheDayOfTheFlushBefore,
    "sets rows aside without their days": SetsAsideWithoutDays,
    "records one day of each batch": RecordsTheUsualDayAlone,
}
