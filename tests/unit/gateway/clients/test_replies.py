"""What a client is told, and what is kept for one that does not read."""

import asyncio

import pytest
from newstally_gateway.clients.replies import SUMMARY_REFUSALS, UNSENT_LIMIT_BYTES, Outbox, Summary
from newstally_protos.v1.article_pb2 import Refusal
from newstally_protos.v1.gateway_pb2 import StreamArticlesResponse
from newstally_protos.v1.upload_pb2 import Upload


def refusals(first: int, count: int, message: str = "") -> list[Refusal]:
    return [Refusal(offset=first + n, message=message) for n in range(count)]


async def take(outbox: Outbox) -> list[str]:
    """Close the outbox and return all that was in it, in short."""
    outbox.close()
    taken = []
    while (event := await outbox.next()) is not None:
        taken.append(short(event))
    return taken


def short(event: StreamArticlesResponse) -> str:
    match event.WhichOneof("event"):
        case "progress":
            return f"progress {event.progress.upload.next_offset}"
        case "refusal":
            return f"refusal {event.refusal.offset}"
        case kind:
            return str(kind)


async def test_refusals_go_before_the_progress_that_covers_them() -> None:
    """And of the progress only the newest is kept."""
    outbox = Outbox(60.0)
    outbox.told(refusals(1, 1), Upload(next_offset=2))
    outbox.told(refusals(3, 1), Upload(next_offset=5))
    assert await take(outbox) == ["refusal 1", "refusal 3", "progress 5"]


async def test_progress_never_goes_back() -> None:
    """An older answer that arrives late is not told."""
    outbox = Outbox(60.0)
    outbox.told([], Upload(next_offset=5))
    outbox.told([], Upload(next_offset=4))
    assert await take(outbox) == ["progress 5"]


async def test_draining_goes_before_everything() -> None:
    """The sooner the client stops sending, the better."""
    outbox = Outbox(60.0)
    outbox.told(refusals(0, 1), Upload(next_offset=1))
    outbox.draining()
    assert await take(outbox) == ["draining", "refusal 0", "progress 1"]


async def test_there_is_a_heartbeat_once_the_upload_is_known() -> None:
    """The last progress again, and nothing before the first."""
    outbox = Outbox(0.01)
    first = asyncio.create_task(outbox.next())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asyncio.shield(first)
    outbox.told([], Upload(next_offset=3))
    events = [await first, await outbox.next(), await outbox.next()]
    assert [short(event) for event in events if event] == ["progress 3"] * 3


async def test_unsent_refusals_hold_up_the_next_batch() -> None:
    """There is no room until the client has read; that there is room again is told once."""
    outbox = Outbox(60.0)
    made_room = []
    outbox.made_room = lambda: made_room.append(outbox.has_room)
    count = UNSENT_LIMIT_BYTES // 200
    for first in (0, count):
        assert outbox.has_room
        outbox.told(refusals(first, count, "x" * 250), Upload(next_offset=first + count))
        assert not outbox.has_room
        while not outbox.has_room:
            assert not made_room
            assert await outbox.next()
        assert await outbox.next()
        assert made_room == [True]
        made_room.clear()


def test_the_summary_has_the_first_refusals_and_the_newest_upload() -> None:
    """At most a hundred; the rest is listed by ListRefusals."""
    summary = Summary()
    summary.told([], Upload(upload_id="job"))
    summary.told(refusals(0, 90), Upload(upload_id="job", next_offset=90))
    summary.told(refusals(90, 90), Upload(upload_id="job", next_offset=180))
    response = summary.response
    assert [r.offset for r in response.refusals] == list(range(SUMMARY_REFUSALS))
    assert response.upload.next_offset == 180
