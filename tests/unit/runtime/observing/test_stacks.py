"""All threads and tasks, each stack once."""

import asyncio
import threading

from newstally_runtime.observing import stacks
from structlog.testing import capture_logs


async def inner(never: asyncio.Event) -> None:
    await never.wait()


async def outer(never: asyncio.Event) -> None:
    await inner(never)


async def test_what_tasks_and_threads_wait_for() -> None:
    """Down to the innermost call; equal stacks are one entry."""
    never, go = asyncio.Event(), threading.Event()
    thread = threading.Thread(target=go.wait, name="idle thread")
    thread.start()
    waiting = [asyncio.create_task(outer(never), name=f"idle {n}") for n in range(50)]
    await asyncio.sleep(0)
    with capture_logs() as logs:
        stacks.tell(asyncio.get_running_loop())
    go.set()
    thread.join()
    never.set()
    await asyncio.gather(*waiting)
    (line,) = logs
    first = line["tasks"][0]
    assert first["times"] == 50
    assert len(first["names"]) == stacks.NAMES
    functions = [frame.rpartition(" ")[2] for frame in first["stack"]]
    assert functions == ["outer", "inner", "Event.wait"]
    assert any("idle thread" in each["names"] for each in line["threads"])
