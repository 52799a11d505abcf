"""A fold of a persister that is gone comes while its database is led to the other layout."""

import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from newstally_persister.maintenance.migration import copying
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from support.firestore_compact import TINY
from support.firestore_memory import MemoryFirestore
from support.migrating import Writer, articles, count, expected, migrate


class Late:
    """A database where everything is closed and folded just before a query, once."""

    def __init__(self, memory: MemoryFirestore, at: int) -> None:
        self._memory = memory
        self.left = at

        async def send(client: FirestoreClient, writes: list[Any]) -> None:
            await client.commit(writes, 1.0)

        self._logs = CompactLayout(send, 1.0, TINY).logs

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def found(self, parent: str, query: Any, seconds: float) -> AsyncGenerator[Any, None]:
        """See FirestoreClient.found."""
        self.left -= 1
        if not self.left:
            client: Any = self._memory
            ends = "/tallies/log"
            for name in [name for name in self._memory.stored if name.endswith(ends)]:
                await self._logs.fold(client, name.removesuffix(ends))
        async with aclosing(self._memory.found(parent, query, seconds)) as found:
            async for each in found:
                yield each


async def test_no_row_is_lost_or_doubled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever page is read when it comes."""
    monkeypatch.setattr(copying, "TALLIES_AT_A_TIME", 2)
    at = 0
    left = 0
    while left <= 0:
        at += 1
        memory = MemoryFirestore()
        writer = Writer(memory, "compact")
        draw = random.Random(at % 3)
        for _ in range(3):
            writer.record(articles(draw, 6))
            assert await writer.flush()
        await writer.sink.close()
        client = Late(memory, at)
        await migrate(client, "documents", tmp_path)
        left = client.left
        assert count(memory)["documents"] == expected(writer.sent, "documents"), at
    assert at > 5
