"""What is told to the persister, and asked of it."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import grpc
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
"""An answer of so long ago is as good as another one, if there is no more to tell: many may ask."""
SIGHTINGS = 1_000
"""Most that are told at once."""

Seen = frozenset[tuple[str, str, str]]
"""What `fingerprints` returns, in no order."""


class Exchange:
    """Asks the persister, never for longer than ASK_SECONDS."""

    def __init__(
        self, persister: Persister, processes: Callable[[], Sequence[ProcessStatus]]
    ) -> None:
        """`processes`: those whose errors and releases are told."""
        self._own = persister.own
        self._processes = processes
        self._loop = asyncio.get_running_loop()
        self._told: Seen = frozenset()
        self._asked_with: Seen = frozenset()
        self._asked_at = float("-inf")
        self._answer: ExchangeStatusResponse | str = "not asked yet"
        self._asking = asyncio.Lock()

    async def ask(self, processes: Iterable[ProcessStatus]) -> ExchangeStatusResponse | str:
        """Tell the persister of these, and return what it says; a text says why it does not.

        Whoever shows the processes' errors beside the answer sees of each whether it is new.
        """
        seen = fingerprints(processes)[:SIGHTINGS]
        async with self._asking:
            fresh = self._loop.time() - self._asked_at < FRESH_SECONDS
            if not fresh or not self._asked_with.issuperset(seen):
                self._answer = await self._ask(seen)
                self._asked_with = frozenset(seen)
                self._asked_at = self._loop.time()
            return self._answer

    async def watch(self) -> None:
        """Tell it of what is new until cancelled."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            processes = self._processes()
            if not self._told.issuperset(fingerprints(processes)):
                await self.ask(processes)

    async def _ask(self, seen: Sequence[tuple[str, str, str]]) -> ExchangeStatusResponse | str:
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
        self._told = frozenset(seen)
        return answer
