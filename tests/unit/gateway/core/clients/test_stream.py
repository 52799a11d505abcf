"""What one client stream does, event by event."""

from collections.abc import Callable
from typing import Any

import pytest
from newstally_gateway.core.clients.admission import Admission, Memory, Share
from newstally_gateway.core.clients.batches import Opened
from newstally_gateway.core.clients.effects import (
    Collided,
    Discard,
    Effect,
    End,
    FindUpload,
    MakeRoom,
    Record,
    Release,
    Tell,
    TellDraining,
    WentBackwards,
)
from newstally_gateway.core.clients.intake import Malformed, Unreadable
from newstally_gateway.core.clients.quieting import DROPPED_LIMIT_BYTES
from newstally_gateway.core.clients.states import State
from newstally_gateway.core.clients.statuses import Reason, Status
from newstally_gateway.core.clients.stream import Stream
from newstally_gateway.core.tasks import Task
from newstally_protos.v1.article_pb2 import Article, RefusalReason
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest
from newstally_protos.v1.upload_pb2 import Upload
from unit.gateway.core.builders import count_nothing, counted, limits

OPENED = Opened("up", 7)

ARTICLE_BYTES = 16 * 1024 + 5 * len("text")
LARGEST_BYTES = 17_000


def article(offset: int | None = None, upload_id: str = "", content: str = "text") -> Any:
    return StreamArticlesRequest(
        upload_id=upload_id,
        offset=offset,
        article=Article(publication="P", content=content, article_id="id"),
    )


class Driven:
    """A stream, its events at times that the test chooses."""

    def __init__(self, memory_bytes: int = 10 * LARGEST_BYTES) -> None:
        self.now = 0.0
        self.memory = Memory(Admission(memory_bytes, LARGEST_BYTES))
        share = Share(self.memory, "s", lambda: self.stream.granted(self.now))
        self.stream = Stream("s", share, limits(), 1000, count_nothing())
        self.stream.begin(self.now)

    def do(self, event: Callable[..., None], *args: object) -> list[Effect]:
        """Return the effects of an event; memory is given back as they say."""
        event(*args, self.now)
        effects: list[Effect] = []
        while self.stream.effects:
            effect = self.stream.effects.popleft()
            effects.append(effect)
            if isinstance(effect, Release):
                self.memory.release("s", effect.charge)
        return effects

    def at(self, now: float) -> list[Effect]:
        """Let it become later."""
        self.now = now
        return self.do(self.stream.wake)

    def send(self, message: Any) -> list[Effect]:
        return self.do(self.stream.received, message)

    def opened(self, next_offset: int = 0) -> "Driven":
        """Have it read an upload at `next_offset`, whose article there was sent."""
        assert self.send(article(next_offset, "job")) == [FindUpload("job")]
        upload = Upload(upload_id="job", next_offset=next_offset)
        assert self.do(self.stream.found, upload, OPENED) == [
            Tell((), upload, 0),
            task(next_offset),
        ]
        assert self.do(self.stream.told) == []
        return self

    def outcome(self, offset: int) -> list[Effect]:
        self.stream.ready(offset, counted(), self.now)
        return self.do(self.stream.wake)

    def recorded(self, next_offset: int) -> list[Effect]:
        return self.do(self.stream.recorded, upload(next_offset))


def task(offset: int) -> Task:
    return Task("s", offset, "P", "id", "text", 4)


def upload(next_offset: int) -> Upload:
    return Upload(upload_id="job", next_offset=next_offset)


def reasons(effects: list[Effect]) -> list[Reason | None]:
    """Return how the stream ended; nothing may come after that."""
    ends = [e.status.reason if e.status else None for e in effects if isinstance(e, End)]
    assert not ends or isinstance(effects[-1], End)
    return ends


def test_the_journey_of_an_article() -> None:
    """Admitted, extracted, recorded, told; and OK when the input has ended."""
    driven = Driven().opened()
    assert driven.stream.upload_id == "job"
    assert driven.memory.used_bytes == ARTICLE_BYTES
    assert driven.outcome(0) == []
    assert driven.stream.wakes_at(0.0) == 0.25
    (record,) = driven.at(0.25)
    assert isinstance(record, Record)
    assert (record.batch.first_offset, record.batch.end_offset) == (0, 1)
    assert driven.recorded(1) == [Release(ARTICLE_BYTES), Tell((), upload(1), 1)]
    assert driven.memory.used_bytes == 0
    assert driven.do(driven.stream.told) == []
    assert driven.do(driven.stream.input_ended) == [End(None)]


def test_the_end_of_the_input_closes_the_last_batch() -> None:
    """Nothing more comes, so nothing is waited for; the end waits until the client may be told."""
    driven = Driven().opened()
    assert driven.do(driven.stream.input_ended) == []
    assert not driven.stream.reads
    assert [type(effect) for effect in driven.outcome(0)] == [Record]
    assert driven.stream.state is State.FINISHING
    assert reasons(driven.recorded(1)) == []
    assert reasons(driven.do(driven.stream.told)) == [None]


def test_nothing_is_recorded_until_the_client_has_taken_what_it_was_told() -> None:
    """Otherwise refusals would pile up for a client that does not read."""
    driven = Driven().opened()
    driven.send(article())
    driven.outcome(0)
    driven.at(0.25)
    driven.recorded(1)
    assert driven.outcome(1) == []
    assert driven.stream.wakes_at(1.0) is None
    assert driven.at(9.0) == []
    assert [type(effect) for effect in driven.do(driven.stream.told)] == [Record]


def test_a_flawed_article_is_refused_and_told_before_its_progress() -> None:
    """It takes its offset, and no replica sees it; so does one that cannot be parsed."""
    driven = Driven().opened()
    assert driven.send(article(content=" ")) == []
    assert driven.send(Malformed("", None, "bad", 10)) == []
    driven.outcome(0)
    driven.at(0.25)
    tell = driven.recorded(3)[-1]
    assert isinstance(tell, Tell)
    assert [(refusal.offset, refusal.reason) for refusal in tell.refusals] == [
        (1, RefusalReason.REFUSAL_REASON_CONTENT_EMPTY),
        (2, RefusalReason.REFUSAL_REASON_MALFORMED),
    ]


def test_what_is_settled_is_passed_over() -> None:
    """It costs no memory."""
    driven = Driven().opened(next_offset=3)
    for offset in (0, 1, 2, 3):
        assert driven.send(article(offset)) == []
    assert driven.send(article()) == [task(4)]
    assert driven.memory.used_bytes == 2 * ARTICLE_BYTES


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (article(2), Reason.GAP),
        (article(-1), Reason.INVALID),
        (article(1, "other"), Reason.INVALID),
        (Unreadable(9), Reason.INVALID),
    ],
)
def test_input_without_sense_is_refused_when_what_came_before_is_settled(
    message: Any, reason: Reason
) -> None:
    """The client hears how far it got, and then the status."""
    driven = Driven().opened()
    assert driven.send(message) == []
    assert driven.stream.state is State.REFUSED
    assert [type(effect) for effect in driven.outcome(0)] == [Record]
    assert reasons(driven.recorded(1)) == []
    assert reasons(driven.do(driven.stream.told)) == []
    assert reasons(driven.at(0.25)) == []
    assert reasons(driven.at(0.5)) == [reason]


@pytest.mark.parametrize("first", [Unreadable(9), article(5), article(-1)])
def test_no_upload_is_made_for_a_first_message_without_sense(first: Any) -> None:
    """One that is made begins at 0."""
    driven = Driven()
    assert driven.send(first) == []
    assert driven.stream.status is not None


def test_a_named_upload_needs_an_offset() -> None:
    """Sent again without one, it would be counted again."""
    driven = Driven()
    driven.send(article(None, "job"))
    driven.do(driven.stream.found, upload(0), OPENED)
    assert driven.stream.status is not None
    assert driven.stream.status.field == "offset"


def test_an_upload_that_is_not_found_ends_the_stream_as_the_persister_says() -> None:
    """Never a silent new start."""
    driven = Driven()
    driven.send(article(0, "job"))
    status = Status(Reason.PERSISTER, error=ValueError())
    assert driven.do(driven.stream.refuse, status) == []
    assert driven.do(driven.stream.input_ended) == [End(status)]


def test_a_stream_without_a_message_is_ended() -> None:
    """It holds memory that others may want."""
    driven = Driven()
    assert driven.stream.wakes_at(0.0) == 60.0
    driven.at(59.0)
    assert driven.stream.status is None
    driven.at(60.0)
    assert reasons(driven.at(60.5)) == [Reason.SILENT]


def test_finding_an_upload_may_take_longer() -> None:
    """It has a deadline of its own."""
    driven = Driven()
    driven.send(article(0, "job"))
    assert driven.at(100.0) == []
    assert driven.stream.wakes_at(100.0) is None


def test_there_is_no_memory_for_one_more_stream() -> None:
    """Another one is asked to make room; what the client sends meanwhile is dropped."""
    driven = Driven(LARGEST_BYTES)
    other = Stream("t", Share(driven.memory, "t", lambda: None), limits(), 1000, count_nothing())
    other.begin(0.0)
    assert list(other.effects) == [MakeRoom()]
    other.received(article(0, "job"), 0.1)
    other.wake(0.6)
    assert other.effects[-1] == End(Status(Reason.CROWDED))


def test_reading_stops_while_an_article_waits_for_memory() -> None:
    """What was granted drains meanwhile."""
    driven = Driven(LARGEST_BYTES).opened()
    assert driven.send(article()) == []
    assert driven.stream.state is State.WAITING
    assert not driven.stream.reads
    driven.outcome(0)
    driven.at(0.25)
    assert driven.recorded(1) == [Release(ARTICLE_BYTES), Tell((), upload(1), 1), task(1)]
    assert driven.stream.reads
    assert driven.memory.used_bytes == ARTICLE_BYTES


def test_an_article_that_was_settled_while_it_waited_gives_its_memory_back() -> None:
    """Another gateway had it."""
    driven = Driven(LARGEST_BYTES).opened()
    driven.send(article())
    driven.outcome(0)
    driven.at(0.25)
    effects = driven.recorded(2)
    assert [e for e in effects if isinstance(e, Release)] == [Release(ARTICLE_BYTES)] * 2
    assert driven.memory.used_bytes == 0
    assert driven.send(article(2)) == [task(2)]


def test_an_article_that_waits_when_its_stream_is_refused_is_not_admitted() -> None:
    """Its memory is given back as soon as it is granted."""
    driven = Driven(LARGEST_BYTES).opened()
    driven.send(article())
    assert driven.do(driven.stream.drain) == [TellDraining()]
    driven.outcome(0)
    effects = driven.recorded(1)
    assert [e for e in effects if isinstance(e, Release | Task)] == [Release(ARTICLE_BYTES)] * 2
    assert driven.memory.used_bytes == 0


def test_another_gateway_was_ahead_inside_a_batch() -> None:
    """What is left is cut anew, and the same offsets are recorded again."""
    driven = Driven().opened()
    for _ in range(3):
        driven.send(article())
    for offset in range(4):
        driven.outcome(offset)
    (record,) = driven.at(0.25)
    assert isinstance(record, Record)
    effects = driven.recorded(2)
    assert Collided(record.batch, 2) in effects
    (again,) = driven.do(driven.stream.told)
    assert isinstance(again, Record)
    assert (again.batch.first_offset, again.batch.end_offset) == (2, 4)


def test_another_gateway_was_ahead_of_all_that_was_read() -> None:
    """Tasks are forgotten, and the client may go on behind what is settled."""
    driven = Driven().opened()
    driven.send(article())
    driven.outcome(0)
    driven.at(0.25)
    effects = driven.recorded(9)
    assert Discard(9) in effects
    assert driven.memory.used_bytes == 0
    driven.do(driven.stream.told)
    assert driven.send(article(9)) == [task(9)]


def test_a_journal_that_went_backwards_ends_the_stream() -> None:
    """Nothing can be settled any more; what waits stays unacknowledged."""
    driven = Driven().opened(next_offset=5)
    driven.outcome(5)
    driven.at(0.25)
    assert driven.recorded(3) == [WentBackwards(5, 3)]
    assert reasons(driven.at(0.75)) == [Reason.WENT_BACKWARDS]


def test_a_batch_that_is_never_taken_ends_the_stream() -> None:
    """At once if the client is not writing; an answer after that means nothing."""
    driven = Driven().opened()
    driven.do(driven.stream.input_ended)
    driven.outcome(0)
    status = Status(Reason.PERSISTER, error=ValueError())
    assert driven.do(driven.stream.not_recorded, status) == [End(status)]
    assert driven.recorded(1) == []


def test_a_drained_stream_settles_what_was_admitted() -> None:
    """And is not read any more; it is over as soon as its client is quiet."""
    driven = Driven().opened()
    assert driven.do(driven.stream.drain) == [TellDraining()]
    assert driven.send(article()) == []
    driven.now = 3.0
    driven.outcome(0)
    driven.recorded(1)
    assert reasons(driven.do(driven.stream.told)) == [Reason.DRAINING]


def test_a_client_that_has_sent_all_gets_ok_although_the_gateway_drains() -> None:
    """It has nothing to take elsewhere."""
    driven = Driven().opened()
    driven.do(driven.stream.input_ended)
    assert driven.do(driven.stream.drain) == [TellDraining()]
    driven.outcome(0)
    driven.recorded(1)
    assert reasons(driven.do(driven.stream.told)) == [None]


@pytest.mark.parametrize("ended", [True, False])
def test_what_cannot_be_settled_in_time_is_given_up(ended: bool) -> None:
    """UNAVAILABLE, and the answer that comes too late is not told."""
    driven = Driven().opened()
    driven.outcome(0)
    driven.at(0.25)
    if ended:
        driven.do(driven.stream.input_ended)
    effects = driven.do(driven.stream.give_up)
    assert driven.recorded(1) == []
    driven.now = 0.75
    assert reasons(effects + driven.do(driven.stream.wake)) == [Reason.DRAINING]


def test_a_stream_that_is_refused_before_it_begins_takes_no_memory() -> None:
    """It came while the gateway drains."""
    memory = Memory(Admission(LARGEST_BYTES, LARGEST_BYTES))
    stream = Stream("s", Share(memory, "s", lambda: None), limits(), 1000, count_nothing())
    stream.refuse(Status(Reason.DRAINING), 0.0)
    stream.begin(0.0)
    assert stream.state is State.QUIETING
    assert memory.open("other", lambda: None)


@pytest.mark.parametrize("begun", [True, False])
def test_a_fault_counts_more_than_what_the_stream_was_refused_with(begun: bool) -> None:
    """Its client hears INTERNAL, soon."""
    driven = Driven()
    if not begun:
        driven.stream.state = State.NEW
    driven.do(driven.stream.refuse, Status(Reason.DRAINING))
    effects = driven.do(driven.stream.fail)
    driven.now = 0.5
    assert reasons(effects + driven.do(driven.stream.wake)) == [Reason.FAULT]


def test_a_client_that_writes_on_is_heard_out_for_a_while() -> None:
    """It would report INTERNAL instead of the status; but not for ever."""
    driven = Driven()
    driven.do(driven.stream.refuse, Status(Reason.DRAINING))
    ended: list[Reason | None] = []
    while not ended:
        assert driven.now < 10
        driven.send(article())
        ended = reasons(driven.at(driven.now + 0.25))
    assert driven.now == 5.0


def test_a_client_that_writes_much_is_heard_out_for_less() -> None:
    """What it sent since it was refused counts, also while things were being settled."""
    driven = Driven().opened()
    driven.do(driven.stream.drain)
    assert driven.send(Unreadable(DROPPED_LIMIT_BYTES - 1)) == []
    assert driven.stream.reads
    assert driven.send(Unreadable(1)) == []
    assert not driven.stream.reads
    driven.outcome(0)
    driven.recorded(1)
    assert reasons(driven.do(driven.stream.told)) == [Reason.DRAINING]


def test_a_stream_is_idle_while_nothing_is_to_be_done_for_it() -> None:
    """Since its last message, or since it was settled."""
    driven = Driven()
    assert driven.stream.idle_since == 0.0
    driven.now = 1.0
    driven.opened()
    assert driven.stream.idle_since is None
    driven.outcome(0)
    driven.at(1.25)
    driven.recorded(1)
    driven.do(driven.stream.told)
    assert driven.stream.idle_since == 1.25
    assert driven.do(driven.stream.make_room) == [TellDraining()]
    assert driven.stream.idle_since is None
    assert reasons(driven.at(1.75)) == [Reason.IDLE]


def test_a_forgotten_stream_does_nothing_more() -> None:
    """Its client is gone; nor does it want to be woken for what it was still to settle."""
    driven = Driven().opened()
    driven.outcome(0)
    driven.stream.forget()
    assert driven.stream.wakes_at(9.0) is None
    for event in (driven.stream.wake, driven.stream.drain, driven.stream.give_up):
        assert driven.do(event) == []
    assert driven.send(article()) == []
    assert driven.do(driven.stream.input_ended) == []
