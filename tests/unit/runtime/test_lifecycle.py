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
    """Nobody else would notice; the message names the task and the kind of error, not its text."""
    lifecycle = Lifecycle()
    task = asyncio.create_task(fail(), name="flusher")
    lifecycle.watch(task)
    await end(task)
    async with asyncio.timeout(60):
        await lifecycle.until_ending()
    assert lifecycle.failure is not None
    assert "'flusher' failed" in lifecycle.failure
    assert "ValueError" in lifecycle.failure
    assert "odd" not in lifecycle.failure


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


async def test_the_exit_code_says_whether_a_restart_helps() -> None:
    """The first reason to end is the one that counts."""
    lifecycle = Lifecycle()
    lifecycle.fatal("the disk fails")
    lifecycle.fatal("the journal is older than the sink", restart_helps=False)
    assert (lifecycle.failure, lifecycle.exit_code) == ("the disk fails", 1)
    lifecycle = Lifecycle()
    lifecycle.fatal("the journal is older than the sink", restart_helps=False)
    assert lifecycle.exit_code == 2
