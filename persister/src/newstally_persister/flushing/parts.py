"""The parts of one flush: which is asked for next. Pure.

    planned (or read again) ──▶ applied by the sink ──▶ marked done
                                   │ refused                 ▲ the sink had applied it after all
                                   ▼                         │
                          void begun (journal) ──▶ tombstone (sink) ──▶ void finished (journal):
                                                                        two smaller parts, to be
                                                                        read again, or a row aside

A part goes through these steps one by one: a step is asked for when the one before was answered.
Part 1 moves the mark in the sink, also as a tombstone, so until it is done or voided nothing else
of the flush is asked for. Then as many parts are under way as the sink takes at a time.

Where too many rows are set aside already, a row that is refused is tried again for ever: then it is
not the rows that are at fault, and the flush stops there until somebody mends it.
"""

from collections import deque
from typing import Any

from newstally_persister.flushing.calls import (
    ApplyPart,
    BeginVoid,
    Call,
    FinishVoid,
    MarkDone,
    PlanPart,
    ReadPart,
    VoidPart,
)
from newstally_persister.values.parts import Part, PartLimits
from newstally_persister.values.progress import OpenFlush


class FlushParts:
    """What is under way of one flush."""

    def __init__(self, found: OpenFlush, limits: PartLimits, at_a_time: int) -> None:
        """Go on with the flush as it was found: parts that were planned before come first."""
        self.number = found.flush
        self._limits = limits
        self._at_a_time = at_a_time
        self._undone = deque(found.undone)
        self._voiding = found.voiding
        self._planned = found.planned
        self._asking = False
        self._under_way: set[int] = set()

    @property
    def complete(self) -> bool:
        """Whether every part is done or voided, and there is none left to plan."""
        return self._planned and not (self._undone or self._asking or self._under_way)

    @property
    def alone(self) -> bool:
        """Whether part 1 is under way, which nothing else of the flush is beside."""
        return 1 in self._under_way

    def next(self) -> list[Call]:
        """Ask for the next part, if there is room for it."""
        if self._asking or self.alone or len(self._under_way) >= self._at_a_time:
            return []
        if self._undone:
            self._asking = True
            return [ReadPart(self.number, self._undone.popleft())]
        if not self._planned:
            self._asking = True
            return [PlanPart(self.number, self._limits)]
        return []

    def answered(self, call: Call, answer: Any) -> list[Call]:
        """Take the answer to a call of this flush."""
        calls: list[Call] = []
        match call:
            case PlanPart() | ReadPart():
                calls = self._got(answer)
            case ApplyPart(part):
                calls = [MarkDone(part)]
            case BeginVoid(part):
                calls = [VoidPart(part)]
            case VoidPart(part):
                calls = [FinishVoid(part) if answer else MarkDone(part)]
            case FinishVoid(part):
                self._undone.extend(answer.numbers)
                calls = self._over(part)
            case MarkDone(part):
                calls = self._over(part)
        return calls

    def _got(self, part: Part | None) -> list[Call]:
        self._asking = False
        if part is None:
            self._planned = True
            return self.next()
        self._under_way.add(part.number)
        first = VoidPart(part) if part.number in self._voiding else ApplyPart(part)
        return [first, *self.next()]

    def _over(self, part: Part) -> list[Call]:
        self._under_way.remove(part.number)
        return self.next()
