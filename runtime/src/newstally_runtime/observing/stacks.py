"""What a process does that seems idle: SIGUSR1 logs the stacks of all its threads and tasks."""

import asyncio
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from types import FrameType
from typing import Any

import structlog

from newstally_runtime.observing.tracebacks import Frame, frame_of

STACKS = 100
"""Different stacks that are printed, of threads and of tasks each."""
DEEPEST = 40
"""Frames of a stack: the innermost."""
NAMES = 5
"""Threads or tasks that are named of those with equal stacks."""

log = structlog.get_logger()


def watch(loop: asyncio.AbstractEventLoop) -> None:
    """Log all stacks at each SIGUSR1, also where the loop does not turn. In the main thread."""
    signal.signal(signal.SIGUSR1, lambda *_: tell(loop))


def tell(loop: asyncio.AbstractEventLoop) -> None:
    """Log all stacks now."""
    threads = {thread.ident: thread.name for thread in threading.enumerate()}
    running = (
        (threads.get(ident, str(ident)), _of_frame(frame))
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - the only way there is
    )
    waiting = ((task.get_name(), list(_of_task(task))) for task in asyncio.all_tasks(loop))
    log.info("stacks", threads=_grouped(running), tasks=_grouped(waiting))


def _grouped(stacks: Iterable[tuple[str, list[Frame]]]) -> list[dict[str, Any]]:
    """Return each stack once, those that most have first."""
    names: dict[tuple[str, ...], list[str]] = {}
    for name, frames in stacks:
        key = tuple(f"{each.file}:{each.line} {each.function}" for each in frames[-DEEPEST:])
        names.setdefault(key, []).append(name)
    found = sorted(names.items(), key=lambda item: -len(item[1]))
    return [
        {"times": len(of_stack), "names": of_stack[:NAMES], "stack": list(stack)}
        for stack, of_stack in found[:STACKS]
    ]


def _of_frame(frame: FrameType | None) -> list[Frame]:
    found = []
    while frame is not None:
        found.append(frame_of(frame.f_code, frame.f_lineno))
        frame = frame.f_back
    return found[::-1]


def _of_task(task: "asyncio.Task[Any]") -> Iterator[Frame]:
    """Yield the frames of what a task waits for, from its own coroutine inwards."""
    waits: Any = task.get_coro()
    for _ in range(10 * DEEPEST):
        frame = _first(waits, ("cr_frame", "gi_frame", "ag_frame"))
        if frame is not None:
            yield frame_of(frame.f_code, frame.f_lineno)
        elif (name := getattr(waits, "__qualname__", None)) is not None:
            yield Frame("", 0, str(name))  # compiled: of gRPC, say
        waits = _first(waits, ("cr_await", "gi_yieldfrom", "ag_await"))
        if waits is None:
            return


def _first(value: Any, names: Iterable[str]) -> Any:
    get: Callable[[str], Any] = lambda name: getattr(value, name, None)  # noqa: E731
    return next((found for name in names if (found := get(name)) is not None), None)
