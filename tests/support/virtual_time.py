"""An event loop on which time passes by what is done, so that a seed stands for one life.

It waits for nothing outside the process: each turn takes a millisecond, a wait its seconds, and
neither depends on the machine. What is computed aside in a thread is computed in its own turn.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

TURN_SECONDS = 0.001
"""How long whatever is ready takes: whoever asks in a loop sees time pass."""
Result = TypeVar("Result")


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time begins at 0, in seconds. Raises RuntimeError where nothing will ever happen."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Passing(self._pass))

    def time(self) -> float:
        """See AbstractEventLoop.time."""
        return self._now

    def _pass(self, seconds: float) -> None:
        self._now += seconds

    def run_in_executor(  # type: ignore[override]
        self, executor: Any, func: Callable[..., Result], *args: Any
    ) -> asyncio.Future[Result]:
        """See AbstractEventLoop.run_in_executor: here, in a turn of its own."""
        del executor
        return self.create_task(_aside(func, *args))


class _Passing(selectors.SelectSelector):
    """Never finds anything, but lets the time pass that it was to look."""

    def __init__(self, let_pass: Callable[[float], None]) -> None:
        super().__init__()
        self._let_pass = let_pass

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("nothing is ready, and nobody waits for a time: it hangs")
        self._let_pass(max(timeout, TURN_SECONDS))
        return []


async def _aside(func: Callable[..., Result], *args: Any) -> Result:
    return func(*args)


def run(life: Coroutine[Any, Any, Result], seconds: float = 3_600.0) -> Result:
    """Run a life; what it leaves behind is cancelled.

    Raises TimeoutError after so many seconds of its own time.
    """
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(asyncio.wait_for(life, seconds))
