"""Journal and sink together, against a plain recount, with crashes at every statement."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from newstally_persister.flushing.marks import check_mark
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, set_aside, voiding
from newstally_persister.sinks.base import JournalMismatchError
from newstally_persister.sinks.derived import keeping, rollups
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import PartLimits
from newstally_persister.values.progress import OpenFlush
from newstally_persister.values.uploads import NewUpload
from unit.persister.building import (
    Article,
    DayTallies,
    SimulatedCrashError,
    batch,
    database,
    flush,
    recount_days,
    sink_days,
    waiting_days,
)

UPLOADS = ("a", "b")
ENTITIES = st.lists(st.tuples(st.sampled_from("xyzä"), st.sampled_from("PO")), max_size=4)
ARTICLES: st.SearchStrategy[list[Article]] = st.lists(
    st.none()
    | st.tuples(
        st.sampled_from(["The Times", "the  times ", "Post"]),
        ENTITIES,
        st.sampled_from([None, 20_000, 20_000, 20_001, -3]),
    ),
    min_size=1,
    max_size=4,
)
UNCOVERED = "SELECT day FROM rolled_days WHERE written <> covered"
SMALL = PartLimits(rows=2, size_bytes=1_000)
CRASHES = st.none() | st.none() | st.none() | st.integers(0, 14)
"""After how many statements the process dies; most steps have fewer than that."""


class ExactlyOnce(RuleBasedStateMachine):
    """One persister that dies at any statement, and two gateways that resend what they like."""

    def __init__(self) -> None:
        super().__init__()
        self.journal_file = database()
        self.sink_file = database()
        self.settled: dict[str, list[Article]] = {upload: [] for upload in UPLOADS}
        self.seconds = 0
        self.done: list[tuple[int, int]] = []

    @initialize()
    def create(self) -> None:
        self.start()
        self.store.create_uploads([NewUpload(upload, "anonymous") for upload in UPLOADS], 1)

    def start(self) -> None:
        """What a start does: open, and compare the mark."""
        self.store = JournalStore(self.journal_file)
        self.sink = SqliteTallies(self.sink_file)
        check_mark(
            self.store.run(flushes.position),
            self.sink.mark(self.store.run(flushes.position).journal_id),
        )

    def survive(self, crash: int | None, step: Any) -> Any:
        """Run a step that may die; then start again."""
        self.journal_file.crash_after(crash)
        self.sink_file.crash_after(crash)
        try:
            return step()
        except SimulatedCrashError:
            return None
        finally:
            self.journal_file.crash_after(None)
            self.sink_file.crash_after(None)
            if crash is not None:
                self.start()

    @rule(
        upload=st.sampled_from(UPLOADS),
        groups=st.lists(st.tuples(st.integers(-2, 2), ARTICLES), min_size=1, max_size=3),
        crash=CRASHES,
    )
    def record(
        self, upload: str, groups: list[tuple[int, list[Article]]], crash: int | None
    ) -> None:
        """A group of batches, some of them sent again or ahead."""
        begin = len(self.settled[upload])
        after = list(self.settled[upload])
        batches = []
        for shift, articles in groups:
            first = max(0, len(after) + shift)
            if first == len(after):
                after.extend(articles)
            batches.append(batch(upload, first, articles))
        answers = self.survive(crash, lambda: self.store.record_batches(batches, 2))
        if answers is None:
            found = self.store.get_upload(upload)
            assert found
            assert found.next_offset in (begin, len(after)), "half of a group was recorded"
            if found.next_offset == len(after):
                self.settled[upload] = after
        else:
            self.settled[upload] = after
            assert answers[-1].upload == self.store.get_upload(upload)

    @rule(data=st.data(), crash=CRASHES)
    def flush_on(self, data: st.DataObject, crash: int | None) -> None:
        """The next step of the flusher: cut, or plan a part, or attempt one that is undone."""
        opened = self.store.run(flushes.open_flush)
        if not opened:
            self.survive(crash, lambda: self.store.run(flushes.cut))
        elif opened.undone and (opened.planned or 1 in opened.undone or data.draw(st.booleans())):
            # Part 1 alone; the others in any order.
            number = 1 if 1 in opened.undone else data.draw(st.sampled_from(opened.undone))
            if number in opened.voiding or data.draw(st.integers(0, 5), label="refused") == 0:
                self.void(opened, number, data, crash)
            else:
                self.attempt(opened.flush, number, data, crash)
        else:
            self.survive(crash, lambda: self.store.run(flushes.plan_part, opened.flush, SMALL))

    def attempt(
        self, flush_number: int, number: int, data: st.DataObject, crash: int | None
    ) -> None:
        """Apply a part, perhaps twice; its reply may get lost."""
        times = data.draw(st.integers(1, 2), label="times")
        told = data.draw(st.integers(0, 3), label="told") > 0
        older = data.draw(st.integers(0, 3), label="by a build without rollups") == 0

        def step() -> None:
            part = self.store.run(flushes.read_part, flush_number, number)
            for _ in range(times):
                with pytest.MonkeyPatch.context() as patch:
                    if older:
                        patch.setattr(rollups, "add", lambda *_: None)
                    self.sink.apply(part)
            if told:
                self.store.run(flushes.part_done, part.flush, part.number)

        self.survive(crash, step)
        self.done.append((flush_number, number))

    def void(self, opened: OpenFlush, number: int, data: st.DataObject, crash: int | None) -> None:
        """Void a part that the sink refused; it may have been applied before, or come late."""
        early = number not in opened.voiding and data.draw(st.integers(0, 3), label="early") == 0
        late = data.draw(st.booleans(), label="late")
        told = data.draw(st.integers(0, 3), label="told") > 0

        def step() -> None:
            part = self.store.run(flushes.read_part, opened.flush, number)
            if early:
                self.sink.apply(part)
            self.store.run(voiding.begin, part.flush, number, "refused", 100)
            voided = self.sink.void(part)
            if late and voided:
                with pytest.raises(JournalMismatchError):
                    self.sink.apply(part)
            if told:
                self.store.run(voiding.finish if voided else flushes.part_done, part.flush, number)

        self.survive(crash, step)

    @rule(crash=CRASHES, runs=st.integers(2, 4), entries=st.sampled_from([1, 1_000]))
    def keep(self, crash: int | None, runs: int, entries: int) -> None:
        """Runs of rollups are merged, and days repaired."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keeping, "MOST_RUNS", runs)
            self.survive(crash, lambda: keeping.step(self.sink_file, entries))

    @rule()
    def try_again(self) -> None:
        """Somebody lets the rows that are set aside be tried again."""
        self.store.run(set_aside.retry)

    @rule(data=st.data())
    def flush_all(self, data: st.DataObject) -> None:
        """The flusher undisturbed for a while."""
        for _ in range(data.draw(st.integers(2, 12))):
            self.flush_on(data, None)

    @rule(data=st.data())
    def late_reply(self, data: st.DataObject) -> None:
        """A part that was marked done is marked again, in whatever flush."""
        if not self.done:
            return
        flush_number, number = data.draw(st.sampled_from(self.done))
        opened = self.store.run(flushes.open_flush)
        if not opened or flush_number != opened.flush or number not in opened.undone:
            assert self.store.run(flushes.part_done, flush_number, number) is False

    @rule(crash=CRASHES, days=st.integers(0, 10))
    def expire(self, crash: int | None, days: int) -> None:
        def step() -> None:
            expiry = self.store.run(flushes.expirable, 2)
            if expiry:
                self.seconds += days
                self.sink.expire(expiry, self.seconds + 1, self.seconds)
                self.store.run(flushes.forget, expiry)

        self.survive(crash, step)

    @invariant()
    def uploads_are_the_recount(self) -> None:
        for upload_id, articles in self.settled.items():
            upload = self.store.get_upload(upload_id)
            assert upload
            counted = [article for article in articles if article is not None]
            assert upload.next_offset == len(articles) == upload.counted + upload.refused
            assert upload.counted == len(counted)
            assert upload.mentions == sum(len(article[1]) for article in counted)
            refused = [offset for offset, article in enumerate(articles) if article is None]
            assert [r.offset for r in self.store.list_refusals(upload_id, -1, 999)] == refused
            assert 0 <= upload.applied_offset <= upload.next_offset

    @invariant()
    def sink_is_between_applied_and_settled(self) -> None:
        applied: DayTallies = Counter()
        settled: DayTallies = Counter()
        for upload_id, articles in self.settled.items():
            upload = self.store.get_upload(upload_id)
            assert upload
            applied += recount_days(articles[: upload.applied_offset])
            settled += recount_days(articles)
        found = sink_days(self.sink)
        assert found <= settled
        assert applied <= found + waiting_days(self.journal_file)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            flush(self.store, self.sink, SMALL)  # a part that is being voided may set its row aside
            self.store.run(set_aside.retry)
            for _ in range(3):
                flush(self.store, self.sink, SMALL)
            total: DayTallies = Counter()
            for upload_id, articles in self.settled.items():
                total += recount_days(articles)
                upload = self.store.get_upload(upload_id)
                assert upload
                assert upload.applied_offset == len(articles)
            while self.sink.keep():
                pass
            assert self.sink_file.execute(UNCOVERED).fetchall() == []
            assert sink_days(self.sink) == total
            for table in ("pending_days", "part_days", "set_aside_days"):
                left = self.journal_file.execute(f"SELECT count(*) FROM {table}")
                assert left.fetchone() == (0,), table
        self.journal_file.close()
        self.sink_file.close()


# A failure is made small before it is shown, which takes minutes.
TestExactlyOnce = pytest.mark.timeout(900)(ExactlyOnce.TestCase)
TestExactlyOnce.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
