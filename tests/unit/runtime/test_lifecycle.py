"""What a service may ask of the runtime."""

import asyncio

import pytest
from newstally_runtime.service import Lifecycle


async def fail() -> None:
    raise ValueError("odd")


async def end(task: asyncio.Task[None]) -> None:
    """Wait for the task and for what hears of its end."""
    await asyncio.wait({task})
    await asyncio.sleep(0)


async def test_a_watched_task_that_fails_ends_the_process() -> None:
    """Nobody else would notice; the message names the task and the error."""
    lifecycle = Lifecycle()
    task = asyncio.create_task(fail(), name="flusher")
    lifecycle.watch(task)
    await end(task)
    async with asyncio.timeout(5):
        await lifecycle.until_ending()
    assert lifecycle.failure is not None
    assert "'flusher' failed" in lifecycle.failure
    assert "odd" in lifecycle.failure


@pytest.mark.parametrize("cancelled", [False, True])
async def test_a_watched_task_may_end_in_good_order(cancelled: bool) -> None:
    """One that returns, or is cancelled, ends nothing."""
    lifecycle = Lifecycle()
    task = asyncio.create_task(asyncio.sleep(0 if not cancelled else 3_600))
    lifecycle.watch(task)
    if cancelled:
        task.cancel()
    await end(task)
    assert not lifecycle.ending
    assert lifecycle.failure is None
