"""A timer that may be asked for an earlier time, on each loop that a gateway may run on."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from newstally_gateway.alarm import Alarm


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_what_is_due_now_may_be_asked_for_again(run: Callable[..., Any]) -> None:
    """uvloop gives a handle without a time for what is due: asking again ended the stream."""

    async def main() -> None:
        loop, rang = asyncio.get_running_loop(), asyncio.Event()
        alarm = Alarm(loop, rang.set)
        alarm.set(loop.time() - 1)
        alarm.set(loop.time())
        alarm.set(None)
        await asyncio.wait_for(rang.wait(), 60)
        alarm.cancel()

    run(main())


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_it_rings_once_by_the_earliest_time(run: Callable[..., Any]) -> None:
    """A later time changes nothing, an earlier one does; then it can be set again."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        rings: asyncio.Queue[float] = asyncio.Queue()
        alarm = Alarm(loop, lambda: rings.put_nowait(loop.time()))
        began = loop.time()
        alarm.set(began + 3600)
        alarm.set(began + 0.02)
        alarm.set(began + 7200)
        await asyncio.wait_for(rings.get(), 60)
        assert loop.time() - began < 3600
        alarm.set(loop.time())
        await asyncio.wait_for(rings.get(), 60)
        assert rings.empty()

    run(main())


async def test_a_cancelled_one_does_not_ring() -> None:
    """Nor does what it was set to before."""
    loop = asyncio.get_running_loop()
    rings: list[float] = []
    alarm = Alarm(loop, lambda: rings.append(loop.time()))
    alarm.set(loop.time())
    alarm.cancel()
    alarm.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not rings
