"""A client stream under any order of events."""

from collections import deque
from collections.abc import Callable

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from newstally_gateway.core.clients.admission import Admission, Memory, Share
from newstally_gateway.core.clients.batches import Batch, Opened
from newstally_gateway.core.clients.effects import (
    Discard,
    End,
    FindUpload,
    Record,
    Release,
    Tell,
)
from newstally_gateway.core.clients.intake import Malformed
from newstally_gateway.core.clients.states import State
from newstally_gateway.core.clients.statuses import Reason, Status
from newstally_gateway.core.clients.stream import Stream
from newstally_gateway.core.tasks import Task
from newstally_protos.v1.article_pb2 import Article
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest
from newstally_protos.v1.upload_pb2 import Upload
from unit.gateway.core.builders import count_nothing, counted, limits

OPENED = Opened("up", 7)

LARGEST_BYTES = 17_000


class StreamMachine(RuleBasedStateMachine):
    """The journal is a number, the client takes what it is told some time later."""

    @initialize(memory=st.integers(2, 6), settled=st.integers(0, 3))
    def begin(self, memory: int, settled: int) -> None:
        self.now = 0.0
        self.memory = Memory(Admission(memory * LARGEST_BYTES, LARGEST_BYTES))
        self.share = Share(self.memory, "s", lambda: self.do(self.stream.granted))
        self.other = Share(self.memory, "t", lambda: None)
        self.stream = Stream("s", self.share, limits(), 1000, count_nothing())
        self.settled = settled
        self.sent = 0
        self.input_over = False
        self.finding = False
        self.recording: Batch | None = None
        self.unread = 0
        self.tasks: deque[int] = deque()
        self.told = 0
        self.end: End | None = None
        self.given_up = False
        assert self.other.open()
        self.do(self.stream.begin)

    def do(self, event: Callable[..., None], *args: object) -> None:
        event(*args, self.now)
        while self.stream.effects:
            effect = self.stream.effects.popleft()
            assert self.end is None, "something after the end"
            match effect:
                case Task():
                    self.tasks.append(effect.offset)
                case Release(charge):
                    self.share.release(charge)
                case Record(batch):
                    assert self.recording is None
                    assert batch.first_offset >= self.told
                    self.recording = batch
                case Tell():
                    assert self.told <= effect.upload.next_offset <= self.settled
                    self.told = effect.upload.next_offset
                    self.unread += 1
                case Discard(below):
                    self.tasks = deque(offset for offset in self.tasks if offset >= below)
                case FindUpload():
                    self.finding = True
                case End():
                    self.end = effect
                    self.stream.forget()
                    self.share.close()

    # The client

    @precondition(lambda self: self.end is None and self.stream.reads and not self.input_over)
    @rule(back=st.integers(0, 2), kind=st.sampled_from(["good", "flawed", "malformed"]))
    def send(self, back: int, kind: str) -> None:
        self.sent = max(self.sent, self.told)
        offset = max(self.sent - back, 0)
        if kind == "malformed":
            message = Malformed("job", offset, "", 10)
            self.do(self.stream.received, message)
        else:
            content = "text" if kind == "good" else " "
            article = Article(publication="P", content=content)
            request = StreamArticlesRequest(upload_id="job", offset=offset, article=article)
            self.do(self.stream.received, request)
        self.sent = max(self.sent, offset + 1)

    @precondition(lambda self: self.end is None and self.stream.reads and not self.input_over)
    @rule()
    def leave_a_gap(self) -> None:
        request = StreamArticlesRequest(upload_id="job", offset=self.sent + self.settled + 9)
        self.do(self.stream.received, request)

    @precondition(lambda self: self.end is None and self.stream.reads and not self.input_over)
    @rule()
    def end_input(self) -> None:
        self.input_over = True
        self.do(self.stream.input_ended)

    @precondition(lambda self: self.unread)
    @rule()
    def read(self) -> None:
        self.unread = 0
        self.do(self.stream.told)

    # The rest of the world

    @precondition(lambda self: self.finding)
    @rule(found=st.booleans())
    def find(self, found: bool) -> None:
        self.finding = False
        if found:
            upload = Upload(upload_id="job", next_offset=self.settled)
            self.do(self.stream.found, upload, OPENED)
        else:
            self.do(self.stream.refuse, Status(Reason.PERSISTER, "not found"))

    @precondition(lambda self: self.tasks)
    @rule(data=st.data())
    def answer_article(self, data: st.DataObject) -> None:
        offset = data.draw(st.sampled_from(sorted(self.tasks)))
        self.tasks.remove(offset)
        self.stream.ready(offset, counted(), self.now)
        self.do(self.stream.wake)

    @rule(count=st.integers(1, 4))
    def settle_elsewhere(self, count: int) -> None:
        self.settled += count

    @precondition(lambda self: self.recording is not None)
    @rule()
    def record(self) -> None:
        batch, self.recording = self.recording, None
        assert batch is not None
        if batch.first_offset == self.settled:
            self.settled = batch.end_offset
        self.do(self.stream.recorded, Upload(upload_id="job", next_offset=self.settled))

    @precondition(lambda self: self.recording is not None)
    @rule()
    def refuse_batch(self) -> None:
        self.recording = None
        self.given_up = True
        self.do(self.stream.not_recorded, Status(Reason.PERSISTER, "never"))

    @rule(seconds=st.sampled_from([0.1, 0.25, 0.5, 5.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.do(self.stream.wake)

    @rule(what=st.sampled_from(["drain", "give_up", "fail"]))
    def interfere(self, what: str) -> None:
        self.given_up |= what != "drain"
        self.do(getattr(self.stream, what))

    @rule(take=st.booleans())
    def share_memory(self, take: bool) -> None:
        """Another stream holds its guarantee, or nothing."""
        held = self.memory.admission._used["t"]
        if take and not held:
            self.other.close()
            assert self.other.open()
            self.other.charge(LARGEST_BYTES)
        elif not take:
            self.other.release(held)

    @invariant()
    def holds_memory_for_what_is_unsettled(self) -> None:
        """And for nothing else."""
        if not hasattr(self, "stream") or self.end is not None:
            return
        settling = self.stream.settling
        charged = 0 if settling is None else sum(settling.ledger._charges)
        assert self.memory.admission._used["s"] == charged

    @invariant()
    def ends_well(self) -> None:
        """OK means that all is settled; otherwise it is if nothing has stopped the settling."""
        if not hasattr(self, "stream") or self.end is None:
            return
        assert self.stream.state is State.ENDED
        assert self.stream.wakes_at(self.now) is None
        settling = self.stream.settling
        if settling is not None and not self.given_up:
            assert settling.ledger.unsettled == 0

    def teardown(self) -> None:
        """When everybody else does what they should, the stream ends."""
        if not hasattr(self, "stream"):
            return
        self.other.close()
        for _ in range(1000):
            if self.end is not None:
                return
            if self.finding:
                self.find(found=True)
            elif self.tasks:
                self.stream.ready(self.tasks.popleft(), counted(), self.now)
                self.do(self.stream.wake)
            elif self.recording is not None:
                self.record()
            elif self.unread:
                self.read()
            elif self.stream.reads and not self.input_over:
                self.end_input()
            else:
                self.wait(0.5)
        raise AssertionError("the stream does not end")


TestStreamMachine = StreamMachine.TestCase
TestStreamMachine.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
