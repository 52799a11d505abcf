"""What is told to the persister, and asked of it."""

import asyncio
from collections.abc import Callable, Sequence

import grpc
from newstally_protos.limits import SIGHTINGS_LIMIT
from newstally_protos.v1.persister_pb2 import (
    ExchangeStatusRequest,
    ExchangeStatusResponse,
    Sighting,
)

from newstally_gateway.persister.client import Persister
from newstally_gateway.status.gathering import Seen

ASK_SECONDS = 2.0
"""So long is waited for the persister."""
TELL_SECONDS = 30.0
"""How often it is told of errors and releases that are new, asked or not."""
FRESH_SECONDS = 0.5
"""An answer of so long ago is as good as another one, if there is no more to tell: many may ask."""


class Exchange:
    """Asks the persister, never for longer than ASK_SECONDS."""

    def __init__(self, persister: Persister, seen: Callable[[], Sequence[Seen]]) -> None:
        """`seen`: what there is to tell."""
        self._own = persister.own
        self._seen = seen
        self._loop = asyncio.get_running_loop()
        self._told: frozenset[Seen] = frozenset()
        self._asked_at = float("-inf")
        self._answer: ExchangeStatusResponse | str = "not asked yet"
        self._asking = asyncio.Lock()

    async def ask(self, seen: Sequence[Seen]) -> ExchangeStatusResponse | str:
        """Tell the persister what was seen, and return what it says; a text says why it does not.

        Whoever shows errors, all of which were `seen`, knows by the answer which of them are new.
        """
        seen = seen[:SIGHTINGS_LIMIT]
        async with self._asking:
            fresh = self._loop.time() - self._asked_at < FRESH_SECONDS
            # One that does not answer is not told more at once: each would wait for it anew.
            away = isinstance(self._answer, str)
            if not fresh or not (away or self._told.issuperset(seen)):
                self._answer = await self._ask(seen)
                self._asked_at = self._loop.time()
            return self._answer

    async def watch(self) -> None:
        """Tell it of what is new until cancelled."""
        while True:
            await asyncio.sleep(TELL_SECONDS)
            seen = self._seen()
            if not self._told.issuperset(seen):
                await self.ask(seen)

    async def _ask(self, seen: Sequence[Seen]) -> ExchangeStatusResponse | str:
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
