"""Faults, planted in the real flusher."""

from typing import Any

from newstally_persister.flushing.calls import ApplyPart, Call, ExpireReceipts, MarkDone
from newstally_persister.flushing.machine import Effect, FlushMachine
from newstally_persister.flushing.parts import FlushParts
from newstally_persister.values.progress import Expiry, OpenFlush


class MarksDoneEarly(FlushMachine):
    """Marks a part done when it is sent."""

    def _parts(self, found: OpenFlush) -> FlushParts:
        return _Early(found, self._part_limits, self._parts_in_flight)


class _Early(FlushParts):
    def answered(self, call: Call, answer: Any) -> list[Call]:
        if isinstance(call, ApplyPart):
            return []
        return [each for next_one in super().answered(call, answer) for each in _both(next_one)]


def _both(call: Call) -> list[Call]:
    return [call, MarkDone(call.part)] if isinstance(call, ApplyPart) else [call]


class PlansTooEarly(FlushMachine):
    """Sends part 2 while part 1 is under way."""

    def _parts(self, found: OpenFlush) -> FlushParts:
        return _Impatient(found, self._part_limits, self._parts_in_flight)


class _Impatient(FlushParts):
    @property
    def alone(self) -> bool:
        return False


class ExpiresTooEarly(FlushMachine):
    """Lets a part's receipt go as soon as the part is done."""

    def answered(self, call: Call, answer: Any, now: float) -> list[Effect]:
        effects = super().answered(call, answer, now)
        if isinstance(call, MarkDone):
            part = call.part
            gone = Expiry(part.journal_id, part.flush, (part.number,))
            effects.append(ExpireReceipts(gone))
        return effects


class TakesFailureForSuccess(FlushMachine):
    """Marks a part done when an attempt at it has failed."""

    def failed(self, call: Call, error: Exception, now: float) -> list[Effect]:
        if isinstance(call, ApplyPart):
            return self.answered(call, None, now)
        return super().failed(call, error, now)


class ForgetsWhatWasPlanned(FlushMachine):
    """Goes on behind the parts that a crash left undone."""

    def _parts(self, found: OpenFlush) -> FlushParts:
        return FlushParts(
            OpenFlush(found.flush, (), found.planned), self._part_limits, self._parts_in_flight
        )


class HearsNothing(FlushMachine):
    """Does not heed what is recorded."""

    def recorded(self, rows: int, now: float) -> None:
        del rows, now


FAULTS = {
    "marks a part done before the sink's answer": MarksDoneEarly,
    "plans part 2 before part 1 is done": PlansTooEarly,
    "lets receipts expire before the flush is complete": ExpiresTooEarly,
    "takes a failed attempt for an answer": TakesFailureForSuccess,
    "forgets parts that a crash left undone": ForgetsWhatWasPlanned,
    "does not hear of batches": HearsNothing,
}
