from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from newstally_gateway.core.clients.batches import Batch
from newstally_gateway.core.clients.ledger import Answer, Ledger
from newstally_gateway.core.outcomes import Outcome, Refused
from unit.gateway.core.builders import counted, limits, refused


class LedgerMachine(RuleBasedStateMachine):
    """Any order of events, against a ledger that keeps one dictionary."""

    @initialize(next_offset=st.integers(0, 3))
    def begin(self, next_offset: int) -> None:
        self.now = 0.0
        self.ledger = Ledger(next_offset, limits())
        self.next = self.end = next_offset
        self.outcomes: dict[int, Outcome] = {}
        self.charges: dict[int, int] = {}
        self.batch: Batch | None = None

    def contiguous_end(self) -> int:
        end = self.next
        while end in self.outcomes:
            end += 1
        return end

    @rule(charge=st.integers(1, 100))
    def admit(self, charge: int) -> None:
        assert self.ledger.admit(self.end, charge)
        self.charges[self.end] = charge
        self.end += 1

    @precondition(lambda self: self.end > 0)
    @rule(data=st.data(), size=st.integers(1, 1500), counts=st.booleans())
    def ready(self, data: st.DataObject, size: int, counts: bool) -> None:
        offset = data.draw(st.integers(0, self.end - 1))
        outcome = counted(size) if counts else refused(offset)
        self.ledger.ready(offset, outcome, self.now)
        if offset >= self.next:
            self.outcomes.setdefault(offset, outcome)

    @rule(seconds=st.sampled_from([0.1, 0.25]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(flush=st.booleans())
    def freeze(self, flush: bool) -> None:
        due = self.ledger.due(self.now)
        batch = self.ledger.freeze(self.now, flush=flush)
        available = self.batch is None and self.contiguous_end() > self.next
        assert (due is not None) == available
        if due is None:
            assert batch is None
            return
        assert (batch is not None) == (flush or due <= self.now)
        if batch is None:
            return
        assert batch.first_offset == self.next
        assert batch.outcomes == tuple(
            self.outcomes[offset] for offset in range(batch.first_offset, batch.end_offset)
        )
        assert batch.size_bytes <= 1256 or len(batch.outcomes) == 1
        self.batch = batch

    @precondition(lambda self: self.batch is not None)
    @rule(data=st.data())
    def answered_by_own_batch(self, data: st.DataObject) -> None:
        assert self.batch is not None
        self.settle(data.draw(st.integers(self.batch.first_offset, self.batch.end_offset)))

    @rule(data=st.data(), beyond=st.integers(0, 3))
    def answered_after_another_gateway(self, data: st.DataObject, beyond: int) -> None:
        self.settle(data.draw(st.integers(self.next, self.end)) + beyond)

    def settle(self, next_offset: int) -> None:
        answer: Answer = self.ledger.answered(next_offset)
        left = range(self.next, min(next_offset, self.end))
        own = [self.outcomes.pop(offset, None) for offset in left]
        assert answer.settled == next_offset - self.next
        assert answer.released_bytes == sum(self.charges.pop(offset) for offset in left)
        assert answer.overtaken == (None in own)
        assert list(answer.refusals) == [o.refusal for o in own if isinstance(o, Refused)]
        self.next = next_offset
        self.end = max(self.end, next_offset)
        self.batch = None

    @invariant()
    def agrees_with_the_model(self) -> None:
        """Nothing is lost, nothing is there twice, and a frozen batch does not change."""
        ledger = self.ledger
        assert (ledger.next_offset, ledger.end_offset) == (self.next, self.end)
        assert ledger.unsettled == len(self.charges)
        assert ledger.awaited == len(self.charges) - len(self.outcomes)
        assert ledger.frozen is self.batch

    def teardown(self) -> None:
        """When all outcomes have come and the journal answers, all is settled."""
        if not hasattr(self, "ledger"):
            return
        for offset in range(self.next, self.end):
            self.ledger.ready(offset, counted(), self.now)
            self.outcomes.setdefault(offset, counted())
        while self.ledger.unsettled:
            batch = self.batch or self.ledger.freeze(self.now, flush=True)
            assert batch is not None
            self.settle(batch.end_offset)
        assert not self.charges


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
