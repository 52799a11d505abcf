"""Tries again what failed for a passing reason."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import grpc
from newstally_protos.backoff import Backoff

from newstally._gateway.failures import translate
from newstally._gateway.patience import Patience
from newstally.errors import GaveUp, TransientError
from newstally.settings import RetryPolicy
from newstally.values import Waiting

log = logging.getLogger("newstally")

T = TypeVar("T")
Observer = Callable[[Waiting], None]


class Retrying:
    """The failures in a row of one undertaking, and the waiting between them."""

    def __init__(self, policy: RetryPolicy, on_waiting: Observer | None = None) -> None:
        self._backoff = Backoff(policy.first_delay, policy.longest_delay)
        self._patience = Patience(policy.give_up_after, time.monotonic())
        self._on_waiting = on_waiting
        self._last_error: TransientError | None = None
        self.retries = 0
        """Failures that were waited out."""

    def moved(self) -> None:
        """Note that something moved, or that there is nothing that could."""
        self._backoff.reset()
        self._patience.moved(time.monotonic())
        self._last_error = None

    def check(self) -> None:
        """Raise GaveUp if nothing has moved for too long."""
        left = self._patience.left_seconds(time.monotonic())
        if left is not None and left <= 0:
            raise GaveUp(f"nothing moved; last: {self._last_error or 'no error'}") from (
                self._last_error
            )

    async def wait(self, error: TransientError) -> None:
        """Wait before the next try after `error`. Raises GaveUp when patience is over."""
        if self._last_error is None:
            log.info("trying again after: %s", error)
        self._last_error = error
        self.check()
        self.retries += 1
        delay = self._backoff.next_seconds()
        if error.retry_after_seconds is not None:
            # Jitter on top: all clients that were sent away were told the same time.
            delay += error.retry_after_seconds
        left = self._patience.left_seconds(time.monotonic())
        if left is not None:
            delay = min(delay, max(left, 0.0))
        if self._on_waiting is not None:
            self._on_waiting(Waiting(error, delay))
        await asyncio.sleep(delay)

    async def run(self, call: Callable[[], Awaitable[T]]) -> T:
        """Await `call()` until it does not fail for a passing reason."""
        while True:
            try:
                return await guarded(call)
            except TransientError as error:
                await self.wait(error)


async def guarded(call: Callable[[], Awaitable[T]]) -> T:
    """Await a gRPC call; failures come as exceptions of this library."""
    try:
        return await call()
    except grpc.aio.AioRpcError as error:
        raise translate(error) from error
