"""Answers that are used again for some seconds, and questions that are asked once at a time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from newstally_dashboard.asking.cache import Cache, Loaded, Source

Load = Callable[[], Awaitable[Loaded[str]]]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Store:
    """What is asked; it answers when it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.let = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> Loaded[str]:
        self.asked += 1
        await self.let.wait()
        if self.error is not None:
            raise self.error
        return Loaded(f"answer {self.asked}", 5.0, 10)


def of(size: int, seconds: float = 5.0) -> Load:
    async def load() -> Loaded[str]:
        return Loaded(f"{size} bytes", seconds, size)

    return load


async def test_an_answer_is_used_again_until_it_is_old() -> None:
    """And then asked for anew."""
    clock, store = Clock(), Store()
    store.let.set()
    told: list[Source] = []
    cache = Cache[str](100, clock, told.append)
    assert await cache.get("a", store) == "answer 1"
    clock.now += 4.9
    assert await cache.get("a", store) == "answer 1"
    clock.now += 0.2
    assert await cache.get("a", store) == "answer 2"
    assert told == [Source.GATEWAY, Source.CACHE, Source.GATEWAY]


async def test_who_asks_the_same_meanwhile_waits_for_the_same_answer() -> None:
    """One question, however many readers."""
    store = Store()
    told: list[Source] = []
    cache = Cache[str](100, Clock(), told.append)
    readers = [asyncio.create_task(cache.get("a", store)) for _ in range(5)]
    await asyncio.sleep(0)
    store.let.set()
    assert await asyncio.gather(*readers) == ["answer 1"] * 5
    assert told == [Source.GATEWAY, *[Source.JOINED] * 4]


async def test_a_reader_who_goes_away_takes_no_answer_along() -> None:
    """What was asked goes on, and is there for the next."""
    store = Store()
    cache = Cache[str](100, Clock())
    reader = asyncio.create_task(cache.get("a", store))
    await asyncio.sleep(0)
    reader.cancel()
    store.let.set()
    assert await cache.get("a", store) == "answer 1"
    assert store.asked == 1


async def test_an_error_is_told_to_all_and_not_kept() -> None:
    """The next one asks again."""
    store = Store()
    store.error = RuntimeError("broken")
    cache = Cache[str](100, Clock())
    readers = [asyncio.create_task(cache.get("a", store)) for _ in range(2)]
    await asyncio.sleep(0)
    store.let.set()
    found = await asyncio.gather(*readers, return_exceptions=True)
    assert [str(each) for each in found] == ["broken"] * 2
    store.error = None
    assert await cache.get("a", store) == "answer 2"


async def test_it_never_holds_more_than_it_may() -> None:
    """What was not used for longest goes first; what is too large is not kept."""
    told: list[Source] = []
    cache = Cache[str](100, Clock(), told.append)
    await cache.get("a", of(40))
    await cache.get("b", of(40))
    await cache.get("a", of(40))  # used again, so that b is older
    await cache.get("c", of(40))
    assert cache.size_bytes == 80
    told.clear()
    for key in ("a", "c", "b"):
        await cache.get(key, of(40))
    assert told == [Source.CACHE, Source.CACHE, Source.GATEWAY]
    await cache.get("large", of(101))
    assert cache.size_bytes <= 100


async def test_nothing_goes_on_after_the_end() -> None:
    """Whoever waits is told so."""
    store = Store()
    cache = Cache[str](100, Clock())
    reader = asyncio.create_task(cache.get("a", store))
    await asyncio.sleep(0)
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await reader
