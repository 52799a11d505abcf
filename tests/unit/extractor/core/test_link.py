"""One link: what is unanswered on it, and what waits to be sent."""

import asyncio

import pytest
from newstally_extractor.core.link import Link
from newstally_extractor.core.windows import Window
from newstally_protos.v1 import extractor_pb2 as pb

IDENTITY = pb.Welcome(model="m", model_version="1")
RESULT = pb.Result(id=1)


def link(window: Window = Window(2, 100)) -> Link:  # noqa: B008 - frozen
    return Link(IDENTITY, window)


async def events(of: Link) -> list[str]:
    """Let the transport accept everything that waits; return what it was."""
    seen: list[str] = []
    while True:
        try:
            async with asyncio.timeout(0.01):
                response = await of.next_response()
        except TimeoutError:
            return seen
        if response is None:
            return [*seen, "end"]
        seen.append(response.WhichOneof("event") or "nothing")


async def test_speaks_first() -> None:
    """Welcome, with the window, is the first event, whatever else waits already."""
    it = link()
    it.answer([RESULT], [])
    first = await it.next_response()
    assert first is not None
    assert first.welcome == pb.Welcome(
        model="m", model_version="1", window=pb.Window(articles=2, bytes=100)
    )
    assert await events(it) == ["results"]


async def test_only_the_latest_window_is_told() -> None:
    """Windows that change while the gateway does not read do not pile up."""
    it = link()
    for articles in (3, 4, 5):
        it.set_window(Window(articles, 100))
    first = await it.next_response()
    assert first is not None
    assert first.welcome.window.articles == 5
    it.set_window(Window(5, 100))
    assert await events(it) == []


async def test_started_has_left_when_the_message_after_it_was_accepted() -> None:
    """The engine is not started while Started may still be in the process's own buffers."""
    it = link()
    await it.next_response()
    sent = it.announce([1, 2])
    started = await it.next_response()
    assert started is not None
    assert list(started.started.ids) == [1, 2]
    assert not sent.done()
    confirmation = await it.next_response()
    assert confirmation == pb.ExtractResponse()
    assert not sent.done()
    assert await events(it) == []
    assert await sent is True


async def test_announcing_to_a_link_that_is_gone() -> None:
    """Whoever waits for Started to leave learns that it never will."""
    it = link()
    before = it.announce([1])
    it.close()
    assert await before is False
    assert await it.announce([2]) is False


async def test_no_room_until_answers_have_left() -> None:
    """Reading stops at the window and goes on when the transport has accepted answers."""
    it = link()
    it.take(40)
    await it.room()
    it.take(60)
    room = asyncio.ensure_future(it.room())
    it.answer([RESULT], [60])
    await asyncio.sleep(0)
    assert not room.done()
    assert await events(it) == ["welcome", "results"]
    await room


async def test_drains_when_all_is_answered() -> None:
    """A draining link ends in good order after its last answer was accepted, not before."""
    it = link()
    it.take(1)
    it.drain()
    assert await events(it) == ["welcome", "draining"]
    it.answer([RESULT], [1])
    assert await events(it) == ["results", "end"]


async def test_ends_when_the_gateway_has_ended_and_all_is_answered() -> None:
    """A gateway that half-closes gets its answers, then the end."""
    it = link()
    it.take(1)
    it.requests_ended(None)
    assert await events(it) == ["welcome"]
    it.answer([RESULT], [1])
    assert await events(it) == ["results", "end"]


async def test_end_leaves_the_rest_unanswered() -> None:
    """When the drain time is over, the stream ends although answers are missing."""
    it = link()
    it.take(1)
    it.drain()
    it.end()
    assert await events(it) == ["end"]


async def test_a_cut_link_ends_cleanly_behind_its_started() -> None:
    """A Started that still arrives after the cut is followed by Draining, and nothing else."""
    it = link()
    await it.next_response()
    it.take(1)
    it.answer([RESULT], [0])
    it.announce([1])
    hanging = await it.next_response()
    assert hanging is not None
    assert hanging.HasField("results")
    it.cut()
    it.close()
    it.answer([RESULT], [1])
    assert await events(it) == ["draining", "end"]


async def test_broken_requests_break_the_stream() -> None:
    """An error of the reader is the stream's error."""
    it = link()
    it.requests_ended(ValueError("no message"))
    with pytest.raises(ValueError, match="no message"):
        await it.next_response()
