"""How many answers from a compact database are read at once, and so in memory."""

import asyncio
from collections.abc import Sequence
from typing import Any

from newstally_persister.sinks.base import SinkBusyError
from newstally_persister.sinks.firestore.compact.lists import CompactLists
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.turns import AT_ONCE, WAIT_SECONDS
from newstally_persister.sinks.questions.asked import Days, Name
from newstally_persister.sinks.questions.firestore_compact import CompactQuestions
from newstally_persister.values.parts import EntityRow
from support.compact_database import Database, part
from unit.persister.building import EVERYTHING, metrics


class Slow:
    """A database whose reads of logs take time, and count how many there are at once."""

    def __init__(self, memory: Any, seconds: float) -> None:
        self._memory = memory
        self._seconds = seconds
        self.now = self.most = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._memory, name)

    async def read_many(self, names: Sequence[str], *rest: Any) -> Any:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(self._seconds)
        self.now -= 1
        return await self._memory.read_many(names, *rest)


async def ask(seconds: float) -> tuple[list[Any], int]:
    """Ask everything at once; return what came of it, and how many were read at once."""
    database = Database()
    day = (20_000, 1, 1)
    for number in (1, 2):
        await database.apply(part(number, [EntityRow("p", "e", "ORG", 1, 1, None, (day,))]))
    slow = Slow(database.memory, seconds)

    async def connect() -> Any:
        return slow

    connection = Connection(connect)
    questions = CompactQuestions(connection, metrics())
    name = Name("e", "ORG")
    # Of those without a list one reads one thing after the other.
    found = await asyncio.gather(
        CompactLists(connection, 9.0).entities("p", "", EVERYTHING, None),
        questions.rank("p", Days(1, 20_000), "", EVERYTHING, None),
        questions.find("p", "e", "", EVERYTHING, None),
        questions.history("p", name, Days(1), EVERYTHING, None),
        questions.publications(name, Days(), EVERYTHING, None),
        return_exceptions=True,
    )
    return [*found], slow.most


async def test_answers_take_turns() -> None:
    """However many are asked for, two are in memory, and all are answered."""
    found, most = await ask(WAIT_SECONDS / 10)
    assert most == AT_ONCE
    assert not [each for each in found if isinstance(each, BaseException)]


async def test_who_waits_too_long_comes_again() -> None:
    """A caller learns that it has to wait, before its own deadline."""
    found, most = await ask(WAIT_SECONDS * 2)
    assert most == AT_ONCE
    assert len([each for each in found if isinstance(each, SinkBusyError)]) == 3
    assert len([each for each in found if not isinstance(each, BaseException)]) == 2
