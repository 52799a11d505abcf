"""What questions read of Firestore: the database in memory bills as the emulator delivers."""

import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import date, datetime
from typing import Any

import pytest
from newstally_persister.sinks.firestore.client import FirestoreClient, of_emulator
from newstally_persister.sinks.questions.asked import UnansweredError
from support.billed import Asked, Subject, questions
from support.firestore_memory import MemoryFirestore
from unit.persister.building import request

TODAY = 20_778
DAY = date.fromordinal(TODAY + 719_163)


class Counting(FirestoreClient):
    """Counts the documents that the emulator delivers, by the rules of billing."""

    def __init__(self, emulator: str) -> None:
        made = of_emulator(emulator, f"projects/reads-{uuid.uuid4().hex[:8]}/databases/(default)")
        super().__init__(made._api, made.database, made._metadata)
        self.reads = 0

    async def _read(
        self, names: Sequence[str], seconds: float, fields: Sequence[str] = ()
    ) -> tuple[dict[str, Any], datetime]:
        # One that is not there costs as much.
        self.reads += len(names)
        return await super()._read(names, seconds, fields)

    async def found(self, parent: str, query: Any, seconds: float) -> AsyncGenerator[Any, None]:
        delivered = 0
        try:
            async with aclosing(super().found(parent, query, seconds)) as documents:
                async for document in documents:
                    delivered += 1
                    yield document
        finally:
            self.reads += max(1, delivered)

    async def pages(
        self, parent: str, collection: str, size: int, seconds: float
    ) -> AsyncGenerator[list[Any], None]:
        async for page in super().pages(parent, collection, size, seconds):
            self.reads += len(page)
            yield page


@pytest.mark.parametrize("layout", ["documents", "compact"])
async def test_the_database_in_memory_bills_as_the_emulator(layout: str, emulator: str) -> None:
    """Every question: the same answer, and as many documents."""
    counting, memory = Counting(emulator), MemoryFirestore(now=TODAY * 86_400)
    both = [Asked(client, layout, DAY) for client in (counting, memory)]
    texts = [f"{beginning}{n}" for n in range(60) for beginning in ("ab", "abc", "b")]
    for asked in both:
        for flush in range(2):
            articles = [
                (
                    "Sun" if n % 5 else "Post",
                    [(texts[(n * k + flush) % len(texts)], "PO"[k % 2]) for k in range(1, 9)],
                    None if n % 7 == 0 else TODAY - (n * 13 + flush) % 95,
                )
                for n in range(120)
            ]
            asked.record(request("reads", flush * 120, articles))
            await asked.flush()
        await asked.list()
    about = Subject("sun", "abc1", "P", TODAY)
    for name, ask in questions(about).items():
        found = []
        for asked in both:
            try:
                found.append(await asked.reads(ask))
            except UnansweredError:
                found.append((0, None))
        assert found[0] == found[1], name
        assert found[0][0] > 0
    for asked in both:
        await asked.sink.close()
