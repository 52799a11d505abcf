"""Faults, planted in the real flusher."""

from typing import Any, TypeGuard

from newstally_persister.flushing.calls import (
    ApplyPart,
    BeginVoid,
    Call,
    ExpireReceipts,
    FinishVoid,
    MarkDone,
    VoidPart,
)
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


def _shows_by_counts_alone(call: Call) -> TypeGuard[VoidPart]:
    """Return whether it is a void of which the mark knows nothing."""
    return isinstance(call, VoidPart) and call.part.number > 1


class VoidsWithoutTombstone(FlushMachine):
    """Plans the rows of a refused part anew, and leaves its receipt to whoever comes."""

    def _parts(self, found: OpenFlush) -> FlushParts:
        return _NoTombstone(found, self._part_limits, self._parts_in_flight)


class _NoTombstone(FlushParts):
    def answered(self, call: Call, answer: Any) -> list[Call]:
        return [
            FinishVoid(each.part) if _shows_by_counts_alone(each) else each
            for each in super().answered(call, answer)
        ]


class ReplansEarly(FlushMachine):
    """Plans the rows of a refused part anew when its tombstone is sent."""

    def _parts(self, found: OpenFlush) -> FlushParts:
        return _EarlyReplanner(found, self._part_limits, self._parts_in_flight)


class _EarlyReplanner(FlushParts):
    def answered(self, call: Call, answer: Any) -> list[Call]:
        if _shows_by_counts_alone(call):
            return []
        return [
            each
            for next_one in super().answered(call, answer)
            for each in (
                (next_one, FinishVoid(next_one.part))
                if _shows_by_counts_alone(next_one)
                else (next_one,)
            )
        ]


class TakesTombstonesForGranted(FlushMachine):
    """Does not heed that a part which is to be voided was applied before."""

    def answered(self, call: Call, answer: Any, now: float) -> list[Effect]:
        return super().answered(call, True if isinstance(call, VoidPart) else answer, now)


class VoidsUnnoted(FlushMachine):
    """Leaves the tombstone before the journal knows of it."""

    def failed(self, call: Call, error: Exception, now: float) -> list[Effect]:
        return [
            VoidPart(effect.part) if isinstance(effect, BeginVoid) else effect
            for effect in super().failed(call, error, now)
        ]

    def answered(self, call: Call, answer: Any, now: float) -> list[Effect]:
        if isinstance(call, VoidPart) and answer:
            return [BeginVoid(call.part, "", 100)]
        if isinstance(call, BeginVoid):
            return [FinishVoid(call.part)]
        return super().answered(call, answer, now)


FAULTS = {
    "marks a part done before the sink's answer": MarksDoneEarly,
    "plans part 2 before part 1 is done": PlansTooEarly,
    "lets receipts expire before the flush is complete": ExpiresTooEarly,
    "takes a failed attempt for an answer": TakesFailureForSuccess,
    "forgets parts that a crash left undone": ForgetsWhatWasPlanned,
    "does not hear of batches": HearsNothing,
    "voids without a tombstone": VoidsWithoutTombstone,
    "replans before the tombstone is durable": ReplansEarly,
    "takes a tombstone for granted": TakesTombstonesForGranted,
    "voids what the journal has not noted": VoidsUnnoted,
}
