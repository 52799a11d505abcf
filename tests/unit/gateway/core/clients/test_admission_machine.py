from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from newstally_gateway.core.clients.admission import Admission
from newstally_gateway.core.tasks import StreamKey

LARGEST = 20
STREAMS = "abcdef"


class AdmissionMachine(RuleBasedStateMachine):
    """Any order of opening, admitting, releasing and closing."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 90
        self.admission = Admission(self.total, LARGEST)
        self.held: dict[str, list[int]] = {}
        self.waiting: dict[str, int] = {}

    def idle(self) -> list[str]:
        return [stream for stream in self.held if stream not in self.waiting]

    def note(self, granted: Sequence[StreamKey]) -> None:
        for key in granted:
            stream = str(key)
            self.held[stream].append(self.waiting.pop(stream))

    @rule(stream=st.sampled_from(STREAMS))
    def open(self, stream: str) -> None:
        if stream in self.held:
            return
        opened = self.admission.open(stream)
        assert opened == (len(self.held) < self.total // LARGEST)
        if opened:
            self.held[stream] = []

    @precondition(lambda self: self.idle())
    @rule(data=st.data(), charge=st.integers(1, LARGEST))
    def admit(self, data: st.DataObject, charge: int) -> None:
        stream = data.draw(st.sampled_from(self.idle()))
        if self.admission.admit(stream, charge):
            self.held[stream].append(charge)
        else:
            self.waiting[stream] = charge

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from([s for s, charges in self.held.items() if charges]))
        self.note(self.admission.release(stream, self.held[stream].pop()))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def close(self, data: st.DataObject) -> None:
        stream = data.draw(st.sampled_from(list(self.held)))
        del self.held[stream]
        self.waiting.pop(stream, None)
        self.note(self.admission.close(stream))

    @invariant()
    def is_within_the_total(self) -> None:
        """What is held is what was granted, and never over the total."""
        assert self.admission.used_bytes == sum(sum(charges) for charges in self.held.values())
        assert self.admission.used_bytes <= self.total
        assert self.admission.waiting == len(self.waiting)

    @invariant()
    def guarantees_stand(self) -> None:
        """Inside its guarantee a stream waits only for what others hold beyond theirs."""
        promised = sum(max(sum(charges), LARGEST) for charges in self.held.values())
        for stream, charge in self.waiting.items():
            if sum(self.held[stream]) + charge <= LARGEST:
                assert promised > self.total

    def teardown(self) -> None:
        """When granted work drains, everybody who waits is served."""
        while any(self.held.values()):
            stream = next(s for s, charges in self.held.items() if charges)
            self.note(self.admission.release(stream, self.held[stream].pop()))
            self.is_within_the_total()
        assert not self.waiting
        assert self.admission.used_bytes == 0


TestAdmissionMachine = AdmissionMachine.TestCase
TestAdmissionMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
