"""Faults, planted at the machines' seams, to show that the simulation finds such."""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, LinkKey, Poisoned, Task
from newstally_persister.journal.store import JournalStore
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.batches import Batch
from newstally_persister.values.parts import Part, tombstone
from newstally_persister.values.uploads import Recorded
from simulation import day_faults, flusher_faults, stream_faults
from simulation.persister import Persister
from simulation.sink import Sink
from simulation.world import Machines


class AcknowledgesEarly(Persister):
    """Answers a batch before the transaction that records it."""

    def commit(self) -> None:
        group, self.waiting = self.waiting, []
        answers = [self._foretell(batch) for batch, _ in group]
        self.answer([reply for _, reply in group], answers)
        delay = self.kernel.random.uniform(0, 0.05)
        self.kernel.after(delay, self.life, self.run, self.record, [batch for batch, _ in group])

    def _foretell(self, batch: Batch) -> Recorded | None:
        upload = self.store.get_upload(batch.upload_id)
        assert upload is not None
        if upload.next_offset != batch.first_offset:
            return Recorded(upload, recorded=False)
        return Recorded(replace(upload, next_offset=batch.end_offset), recorded=True)


class RecordsBlindly(JournalStore):
    """Records whatever comes, as if it followed: no compare-and-set on next_offset."""

    def record_batches(self, batches: Sequence[Batch], now_micros: int) -> list[Recorded | None]:
        answers: list[Recorded | None] = []
        for batch in batches:
            upload = self.get_upload(batch.upload_id)
            assert upload is not None
            ahead = upload.next_offset - batch.first_offset
            moved = replace(
                batch,
                first_offset=batch.first_offset + ahead,
                end_offset=batch.end_offset + ahead,
                refusals=[r._replace(offset=r.offset + ahead) for r in batch.refusals],
            )
            answers += super().record_batches([moved], now_micros)
        return answers


class IgnoresTokens(JournalStore):
    """Records what follows, whichever stream it comes from."""

    def record_batches(self, batches: Sequence[Batch], now_micros: int) -> list[Recorded | None]:
        return super().record_batches([replace(b, token=0) for b in batches], now_micros)


class ForgetsTokens(JournalStore):
    """Keeps tokens in memory only: a process after it does not know who has taken over."""

    def __init__(self, connection: sqlite3.Connection, new_journal_id: Callable[[], str]) -> None:
        super().__init__(connection, new_journal_id)
        connection.execute("DELETE FROM tokens")


class BeginsAnewWithTokens(Persister):
    """Counts tokens from one in each process."""

    def first_token(self) -> int:
        return 1


class ForgetsBrokenLinks(Dispatcher):
    """Does not queue again what a broken link leaves unanswered."""

    def __init__(self, article_timeout: float) -> None:
        super().__init__(article_timeout)
        self._sent: dict[LinkKey, set[int]] = {}

    def assign(self, now: float) -> list[Attempt]:
        attempts = super().assign(now)
        for attempt in attempts:
            self._sent.setdefault(attempt.link, set()).add(attempt.attempt_id)
        return attempts

    def answered(
        self, link: LinkKey, attempt_id: int, now: float, cost_micros: int = 0
    ) -> Task | None:
        self._sent.get(link, set()).discard(attempt_id)
        return super().answered(link, attempt_id, now, cost_micros)

    def link_down(self, link: LinkKey, now: float, *, clean: bool) -> Sequence[Poisoned]:
        for attempt_id in sorted(self._sent.pop(link, ())):
            super().answered(link, attempt_id, 0.0)
        return super().link_down(link, now, clean=clean)


class ForgetsReceipts(Sink):
    """Applies a part without looking for its receipt."""

    def open(self) -> SqliteTallies:
        return _Blind(self.disk)


class _Blind(SqliteTallies):
    def apply(self, part: Part) -> bool:
        self._connection.execute(
            "DELETE FROM receipts WHERE flush = ? AND part = ?", (part.flush, part.number)
        )
        if part.number == 1:
            self._connection.execute("UPDATE marks SET started = ?", (part.flush - 1,))
        return super().apply(part)


class LeavesTheMark(Sink):
    """Voids part 1 without moving the mark."""

    def open(self) -> SqliteTallies:
        return _Unmoved(self.disk)


class _Unmoved(SqliteTallies):
    def void(self, part: Part) -> bool:
        if self._receipt(part) is None:
            self._leave(part, tombstone(part.digest))
        return self._receipt(part) != part.digest


PLANTED = {
    "acknowledges before the commit": Machines(persister=AcknowledgesEarly),
    "drops the compare-and-set": Machines(store=RecordsBlindly),
    "lets a stream go on that was taken over": Machines(store=IgnoresTokens),
    "forgets with its process who has taken over": Machines(store=ForgetsTokens),
    "begins anew with tokens": Machines(persister=BeginsAnewWithTokens),
    "forgets a broken link's articles": Machines(dispatcher=ForgetsBrokenLinks),
    "forgets receipts": Machines(sink=ForgetsReceipts),
    **stream_faults.FAULTS,
    "leaves the mark when it voids part 1": Machines(sink=LeavesTheMark),
    **{name: Machines(flusher=machine) for name, machine in flusher_faults.FAULTS.items()},
    **{name: Machines(store=store) for name, store in day_faults.FAULTS.items()},
    "counts the days of a part again": Machines(sink=day_faults.CountsDaysAgain),
    "adds days to no rollup": Machines(sink=day_faults.AddsToNoRollup),
    "loses a run when it merges rollups": Machines(sink=day_faults.LosesARunWhenItMerges),
}
