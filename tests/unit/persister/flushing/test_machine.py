"""The flusher's decisions, event by event, over a journal and a sink in memory."""

from collections.abc import Iterator
from itertools import repeat
from typing import Any

import pytest
from newstally_persister.flushing.backlog import FlushLimits
from newstally_persister.flushing.calls import (
    ApplyPart,
    AskMark,
    BeginVoid,
    Call,
    ExpireReceipts,
    FinishVoid,
    MarkDone,
    PlanPart,
    ReadPart,
    SinkCall,
    VoidPart,
)
from newstally_persister.flushing.machine import Completed, FlushMachine, State, Stopped, Stuck
from newstally_persister.journal.errors import JournalClosedError
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, set_aside
from newstally_persister.sinks.base import JournalMismatchError, PartRefusedError, SinkError
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import PartLimits
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import Article, batch, database, recount, sink_tallies

ARTICLES: list[Article] = [("Post", [(f"e{n}", "P")]) for n in range(8)]
"""Nine rows: three parts."""


class Bench:
    """Carries out calls one by one, in the order in which they were asked for."""

    def __init__(self, set_aside_limit: int = 100) -> None:
        self.journal_file = database()
        self.store = JournalStore(self.journal_file)
        self.store.create_uploads([NewUpload("u", "anonymous")], 1)
        self.sink = SqliteTallies(database())
        self.machine = FlushMachine(
            FlushLimits(age_seconds=10, rows=1_000),
            PartLimits(rows=3, size_bytes=10_000),
            parts_in_flight=2,
            delays=lambda: repeat(5.0),
            set_aside_limit=set_aside_limit,
        )
        self.now = 0.0
        self.asked: list[Call] = []
        self.told: list[Completed | Stopped | Stuck] = []

    def take(self, effects: Any) -> None:
        for effect in effects:
            if isinstance(effect, Completed | Stopped | Stuck):
                self.told.append(effect)
            else:
                self.asked.append(effect)

    def record(self, articles: list[Article]) -> None:
        upload = self.store.get_upload("u")
        assert upload
        self.store.record_batches([batch("u", upload.next_offset, articles)], 2)
        self.machine.recorded(len(articles), self.now)

    def sink_does(self, call: SinkCall) -> object:
        match call:
            case AskMark(progress):
                return self.sink.mark(progress.position.journal_id)
            case ApplyPart(part):
                return self.sink.apply(part)
            case VoidPart(part):
                return self.sink.void(part)
            case ExpireReceipts(expiry):
                self.sink.expire(expiry, 100, 0)
                return None

    def answer(self, call: Call) -> None:
        """Carry a call out and bring the answer."""
        self.asked.remove(call)
        answer = self.sink_does(call) if isinstance(call, SinkCall) else self.store.run(call)
        self.take(self.machine.answered(call, answer, self.now))

    def fail(self, call: Call, error: Exception) -> None:
        self.asked.remove(call)
        self.take(self.machine.failed(call, error, self.now))

    def settle(self, until: type[Any] | None = None) -> None:
        """Answer what is asked, until something of that kind is asked, or nothing is."""
        while self.asked and not (until and isinstance(self.asked[-1], until)):
            self.answer(self.asked[0])

    def wake(self) -> None:
        """Let time pass to what is due next."""
        due = self.machine.wake_at()
        assert due is not None
        self.now = due
        self.take(self.machine.woken(self.now))

    def kinds(self) -> list[str]:
        return [type(call).__name__ for call in self.asked]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    made.take(made.machine.begin())
    made.settle()
    assert made.machine.state is State.WAITING
    yield made
    made.journal_file.close()
    made.sink.close()


def test_a_flush_from_its_age_to_its_end(bench: Bench) -> None:
    """Nothing is asked before it is due; then part by part; then the receipts go."""
    bench.record(ARTICLES)
    bench.take(bench.machine.woken(9.9))
    assert bench.asked == []
    bench.wake()
    assert bench.now == 10
    bench.settle()
    assert sink_tallies(bench.sink) == recount(ARTICLES)
    assert [type(told) for told in bench.told] == [Completed]
    assert bench.machine.state is State.WAITING
    assert bench.machine.wake_at() is None
    assert bench.store.run(flushes.expirable, 9) is None


def test_part_1_is_alone_then_as_many_as_the_sink_takes(bench: Bench) -> None:
    """Until part 1 is done, nothing else is planned; then two are under way at most."""
    bench.record(ARTICLES)
    bench.wake()
    bench.settle(until=ApplyPart)
    assert bench.kinds() == ["ApplyPart"]
    bench.answer(bench.asked[0])
    assert bench.kinds() == ["MarkDone"]
    bench.answer(bench.asked[0])
    bench.answer(bench.asked[0])
    assert bench.kinds() == ["ApplyPart", "PlanPart"]
    bench.answer(bench.asked[1])
    assert bench.kinds() == ["ApplyPart", "ApplyPart"]


def test_a_call_without_an_answer_is_made_again(bench: Bench) -> None:
    """The same part, after the delay; nothing follows from the failure."""
    bench.record(ARTICLES)
    bench.wake()
    bench.settle(until=ApplyPart)
    call = bench.asked[0]
    bench.fail(call, SinkError("no answer"))
    assert bench.asked == []
    bench.wake()
    assert bench.now == 15
    assert bench.asked == [call]
    bench.settle()
    assert sink_tallies(bench.sink) == recount(ARTICLES)


def test_a_refused_part_is_voided_before_its_rows_go_out_again(bench: Bench) -> None:
    """Noted, then the tombstone, then planned anew: each when the one before was answered."""
    bench.record(ARTICLES)
    bench.wake()
    bench.settle(until=ApplyPart)
    bench.fail(bench.asked[0], PartRefusedError("too large"))
    for kind in (BeginVoid, VoidPart, FinishVoid):
        assert [type(call) for call in bench.asked] == [kind]
        bench.answer(bench.asked[0])
    assert [type(call) for call in bench.asked] == [ReadPart]
    bench.settle()
    assert sink_tallies(bench.sink) == recount(ARTICLES)


def test_a_part_that_was_applied_is_not_planned_anew(bench: Bench) -> None:
    """It was refused after an answer that was lost: the receipt is there, and it is done."""
    bench.record(ARTICLES)
    bench.wake()
    bench.settle(until=ApplyPart)
    call = bench.asked[0]
    assert isinstance(call, ApplyPart)
    bench.sink.apply(call.part)
    bench.fail(call, PartRefusedError("refused"))
    bench.settle(until=VoidPart)
    bench.answer(bench.asked[0])
    assert [type(each) for each in bench.asked] == [MarkDone]
    bench.settle()
    assert sink_tallies(bench.sink) == recount(ARTICLES)


def test_a_restart_goes_on_with_a_void(bench: Bench) -> None:
    """What was noted as to be voided is read and voided, and never applied."""
    bench.record(ARTICLES)
    bench.wake()
    bench.settle(until=ApplyPart)
    bench.fail(bench.asked[0], PartRefusedError("too large"))
    bench.answer(bench.asked[0])
    again = Bench()
    again.store, again.sink = JournalStore(bench.journal_file), bench.sink
    again.take(again.machine.begin())
    again.settle(until=VoidPart)
    assert [type(call) for call in again.asked] == [VoidPart]
    again.settle()
    again.wake()
    again.settle()
    assert sink_tallies(bench.sink) == recount(ARTICLES)


def test_too_many_rows_set_aside_stop_the_flush() -> None:
    """It says so, and tries the row again: when the sink takes it, all goes on."""
    bench = Bench(set_aside_limit=0)
    bench.take(bench.machine.begin())
    bench.settle()
    bench.record([("Post", [])])
    bench.wake()
    bench.settle(until=ApplyPart)
    bench.fail(bench.asked[0], PartRefusedError("not this one"))
    bench.settle()
    assert bench.told == [Stuck()]
    bench.wake()
    assert bench.kinds() == ["ApplyPart"]
    bench.settle()
    assert bench.store.run(set_aside.rows) == []
    assert sink_tallies(bench.sink) == recount([("Post", [])])


def test_the_end_flushes_all_that_is_there(bench: Bench) -> None:
    """Without waiting for age; then it stops, and hears nothing any more."""
    bench.record(ARTICLES)
    bench.take(bench.machine.finish(bench.now))
    bench.settle()
    assert bench.told[-1] == Stopped()
    assert bench.machine.state is State.ENDED
    assert sink_tallies(bench.sink) == recount(ARTICLES)
    assert bench.machine.finish(bench.now) == []


@pytest.mark.parametrize("failed_before", [False, True])
def test_the_end_does_not_wait_for_a_sink_that_fails(bench: Bench, failed_before: bool) -> None:
    """The flush stays open for the next start, whether the end or the failure came first."""
    bench.record(ARTICLES)
    bench.wake()
    bench.settle(until=PlanPart)
    if not failed_before:
        bench.take(bench.machine.finish(bench.now))
    bench.settle(until=ApplyPart)
    bench.fail(bench.asked[0], SinkError("down"))
    if failed_before:
        bench.take(bench.machine.finish(bench.now))
    assert bench.told == [Stopped(left_open=True)]
    opened = bench.store.run(flushes.open_flush)
    assert opened
    assert opened.undone == (1,)


def test_what_ends_it(bench: Bench) -> None:
    """A mismatch is fatal, with the reason; a journal that failed has told its own."""
    bench.record(ARTICLES)
    bench.wake()
    call = bench.asked[0]
    assert bench.machine.failed(call, JournalClosedError(), 0) == [Stopped()]
    other = Bench()
    other.take(other.machine.begin())
    other.settle(until=AskMark)
    effects = other.machine.failed(other.asked[0], JournalMismatchError("a copy"), 0)
    assert effects == [Stopped(fatal="a copy")]


def test_a_defect_of_the_journals_work_is_not_swallowed(bench: Bench) -> None:
    """Only what the sink says is tried again."""
    bench.record(ARTICLES)
    bench.wake()
    with pytest.raises(ValueError, match="odd"):
        bench.machine.failed(bench.asked[0], ValueError("odd"), 0)
