"""Calls to the gateway, within bounds."""

import asyncio
from typing import Any

import pytest
from newstally_dashboard.asking.asker import Asker, Lane
from newstally_dashboard.asking.cache import Cache
from newstally_dashboard.asking.troubles import BUSY, LATE, TroubleError
from newstally_dashboard.metrics import Metrics
from newstally_protos.v1.tally_pb2 import FindEntitiesRequest, FindEntitiesResponse
from prometheus_client import CollectorRegistry


class Calls:
    """What is called; each call ends when it is let."""

    def __init__(self) -> None:
        self.running = self.most = self.begun = 0
        self.let = asyncio.Event()

    async def __call__(self, _request: Any, **_: float) -> FindEntitiesResponse:
        self.begun += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.let.wait()
        finally:
            self.running -= 1
        return FindEntitiesResponse()


def make_asker(
    calls: int = 4, waiting: int = 100, timeout: float = 20.0, cache: Cache[Any] | None = None
) -> Asker:
    return Asker(
        cache or Cache[Any](10_000, asyncio.get_running_loop().time),
        Metrics(CollectorRegistry()),
        max_calls=calls,
        max_waiting=waiting,
        timeout=timeout,
    )


def ask(asker: Asker, calls: Calls, number: int, lane: Lane = Lane.PAGE) -> "asyncio.Task[Any]":
    request = FindEntitiesRequest(beginning=str(number))
    return asyncio.create_task(asker.ask(lambda: calls, "FindEntities", request, 5.0, lane))


async def settle() -> None:
    """Let everything go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.mark.parametrize(("lane", "most"), [(Lane.PAGE, 4), (Lane.SIDE, 2)])
async def test_only_so_many_at_once(lane: Lane, most: int) -> None:
    """What only decorates, or is long, never takes all places."""
    asker, calls = make_asker(), Calls()
    tasks = [ask(asker, calls, number, lane) for number in range(10)]
    await settle()
    assert calls.running == most
    calls.let.set()
    await asyncio.gather(*tasks)
    assert (calls.most, calls.begun) == (most, 10)


async def test_a_page_passes_what_is_aside() -> None:
    """Two places are free for it, however much waits."""
    asker, calls = make_asker(), Calls()
    aside = [ask(asker, calls, number, Lane.SIDE) for number in range(10)]
    await settle()
    page = ask(asker, calls, 99)
    await settle()
    assert calls.running == 3
    calls.let.set()
    await asyncio.gather(*aside, page)


async def test_what_is_aside_lets_pages_go_first() -> None:
    """Also where there is room: a store answers one question after the other."""
    asker, pages, aside = make_asker(), Calls(), Calls()
    page = ask(asker, pages, 1)
    await settle()
    other = ask(asker, aside, 2, Lane.SIDE)
    await settle()
    assert (pages.running, aside.running) == (1, 0)
    pages.let.set()
    aside.let.set()
    await asyncio.gather(page, other)
    assert aside.begun == 1


async def test_what_is_aside_is_not_put_off_for_ever() -> None:
    """However many pages there are."""
    asker, pages, aside = make_asker(), Calls(), Calls()
    page = ask(asker, pages, 1)
    await settle()
    aside.let.set()
    await ask(asker, aside, 2, Lane.SIDE)
    assert pages.running == 1
    pages.let.set()
    await page


async def test_who_comes_when_too_many_wait_is_told_so() -> None:
    """At once, and nothing is asked for him."""
    asker, calls = make_asker(calls=1, waiting=2), Calls()
    tasks = [ask(asker, calls, number) for number in range(3)]
    await settle()
    with pytest.raises(TroubleError) as refused:
        await tasks[2]
    assert refused.value.trouble is BUSY
    calls.let.set()
    await asyncio.gather(*tasks[:2])
    assert calls.begun == 2


async def test_nobody_waits_longer_than_was_said() -> None:
    """For a turn, or for the answer; the call is cancelled."""
    asker, calls = make_asker(calls=1, timeout=0.05), Calls()
    found = await asyncio.gather(
        *(ask(asker, calls, number) for number in range(3)), return_exceptions=True
    )
    assert [each.trouble for each in found if isinstance(each, TroubleError)] == [LATE] * 3
    assert calls.running == 0


async def test_what_is_kept_counts_with_what_was_asked() -> None:
    """Long questions with short answers fill the cache, too, whether they are answered or not."""
    cache = Cache[Any](100_000, asyncio.get_running_loop().time)
    calls, never = Calls(), Calls()
    calls.let.set()
    asker, slow = make_asker(cache=cache), make_asker(cache=cache, timeout=0.0)
    for number in range(1, 21):
        await ask(asker, calls, 10**4_000 + number)
        with pytest.raises(TroubleError):
            await ask(slow, never, 10**4_000 - number)
        assert cache.size_bytes <= 100_000
    assert cache.size_bytes > 90_000
