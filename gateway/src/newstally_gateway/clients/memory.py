"""Waiting for memory: the asyncio side of `core.admission`."""

import asyncio
from collections.abc import Iterable

from newstally_gateway.core.clients.admission import Admission
from newstally_gateway.core.tasks import StreamKey
from newstally_gateway.metrics import Metrics


class Memory:
    """Grants charges at once or later. What waits is woken by what others give back."""

    def __init__(self, admission: Admission, metrics: Metrics) -> None:
        self._admission = admission
        self._metrics = metrics
        self._waiting: dict[StreamKey, asyncio.Future[None]] = {}
        metrics.memory.set_function(lambda: admission.used_bytes)

    @property
    def used_bytes(self) -> int:
        """What all streams hold."""
        return self._admission.used_bytes

    def open(self, stream: StreamKey) -> bool:
        """Take in a stream; False when as many are open as can be promised memory."""
        return self._admission.open(stream)

    async def admit(self, stream: StreamKey, charge: int) -> None:
        """Return when the charge is granted. After cancelling it, `close` the stream.

        It needs no deadline: what was granted before drains without asking for more, and a stream
        that does not drain is ended.
        """
        if self._admission.admit(stream, charge):
            return
        self._metrics.memory_waits.inc()
        future = asyncio.get_running_loop().create_future()
        self._waiting[stream] = future
        await future

    def release(self, stream: StreamKey, charge: int) -> None:
        """Give back what the stream held."""
        self._wake(self._admission.release(stream, charge))

    def close(self, stream: StreamKey) -> None:
        """Forget a stream, what it holds and what it waits for."""
        self._waiting.pop(stream, None)
        self._wake(self._admission.close(stream))

    def _wake(self, granted: Iterable[StreamKey]) -> None:
        for stream in granted:
            future = self._waiting.pop(stream)
            if not future.done():  # cancelled: its stream is about to be closed
                future.set_result(None)
