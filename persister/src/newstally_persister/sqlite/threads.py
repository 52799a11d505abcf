"""Blocking database work, off the event loop: one thread that owns one resource."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Resource = TypeVar("Resource")
Result = TypeVar("Result")


class BusyError(Exception):
    """As much work waits as may wait."""


class OwnedThread(Generic[Resource]):
    """Runs work on a resource that is opened, used and closed in one thread of its own.

    The resource is opened by the first work, and closed and opened again after work that raised a
    `broken` error.
    """

    def __init__(
        self,
        name: str,
        open_resource: Callable[[], Resource],
        close_resource: Callable[[Resource], None],
        broken: type[Exception],
        waiting_limit: int,
    ) -> None:
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._open = open_resource
        self._close = close_resource
        self._broken = broken
        self._waiting_limit = waiting_limit
        self._waiting = 0
        self._resource: Resource | None = None

    async def run(self, work: Callable[[Resource], Result]) -> Result:
        """Return what the work returns. Raises BusyError; what `open` and the work raise, too.

        When the caller is cancelled the work is finished all the same, or never begun.
        """
        if self._waiting >= self._waiting_limit:
            raise BusyError
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._executor, self._run, work)
        finally:
            self._waiting -= 1

    async def close(self) -> None:
        """Wait for the work under way, drop what waits, close the resource, end the thread."""
        await asyncio.to_thread(self._executor.shutdown, cancel_futures=True)
        self._release()

    def _run(self, work: Callable[[Resource], Result]) -> Result:
        if self._resource is None:
            self._resource = self._open()
        try:
            return work(self._resource)
        except self._broken:
            self._release()
            raise

    def _release(self) -> None:
        resource, self._resource = self._resource, None
        if resource is not None:
            self._close(resource)
