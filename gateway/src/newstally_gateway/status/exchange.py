"""What is told to the persister, and asked of it."""

import asyncio
from collections.abc import Callable, Sequence

import grpc
import structlog
from newstally_protos.v1.persister_pb2 import (
    ExchangeStatusRequest,
    ExchangeStatusResponse,
    Sighting,
)
from newstally_protos.v1.status_pb2 import ProcessStatus
from newstally_runtime.observing.process import fingerprints

from newstally_gateway.persister.client import Persister

ASK_SECONDS = 2.0
"""So long is waited for the persister."""
TELL_SECONDS = 30.0
"""How often it is told of errors and releases that are new, asked or not."""
FRESH_SECONDS = 0.5
"""An answer of so long ago is as good as another one: many may ask at once."""
SIGHTINGS = 1_000
"""Most that are told at once."""

log = structlog.get_logger()


class Exchange:
    """Asks the persister, never for longer than ASK_SECONDS."""

    def __init__(
        self, persister: Persister, processes: Callable[[], Sequence[ProcessStatus]]
    ) -> None:
        """`processes`: those whose errors and releases are told."""
        self._own = persister.own
        self._processes = processes
        self._loop = asyncio.get_running_loop()
        self._told: Sequence[tuple[str, str, str]] = ()
        self._asked_at = float("-inf")
        self._answer: ExchangeStatusResponse | str = "not asked yet"
        self._asking = asyncio.Lock()

    async def ask(self) -> ExchangeStatusResponse | str:
        """Return what the persister says; a text says why it does not."""
        async with self._asking:
            if self._loop.time() - self._asked_at >= FRESH_SECONDS:
                self._answer = await self._ask()
                self._asked_at = self._loop.time()
            return self._answer

    async def watch(self) -> None:
        """Tell it of what is new until cancelled."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            if set(fingerprints(self._processes())) - set(self._told):
                await self.ask()

    async def _ask(self) -> ExchangeStatusResponse | str:
        seen = fingerprints(self._processes())[:SIGHTINGS]
        request = ExchangeStatusRequest(
            sightings=[
                Sighting(service=service, release=release, fingerprint=fingerprint)
                for service, release, fingerprint in seen
            ]
        )
        try:
            answer = await self._own.ExchangeStatus(request, timeout=ASK_SECONDS)
        except grpc.aio.AioRpcError as error:
            match error.code():
                case grpc.StatusCode.UNIMPLEMENTED:
                    return "says nothing of itself: its release is 0.2"
                case grpc.StatusCode.DEADLINE_EXCEEDED:
                    return f"has not answered for {ASK_SECONDS:g} s"
                case code:
                    return f"does not answer: {code.name}"
        self._told = seen
        return answer
