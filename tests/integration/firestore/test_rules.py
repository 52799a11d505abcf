"""The rules of the database: what somebody without credentials of the project may read and write.

Services are not concerned by them: to the emulator they are its owner.
"""

import re
import uuid

import httpx
from google.api_core.exceptions import PermissionDenied
from newstally_persister.sinks.firestore import queries
from newstally_persister.sinks.firestore.client import FirestoreClient, of_emulator
from newstally_persister.sinks.firestore.writes import Write
from support.processes import REPOSITORY

SHIPPED = (REPOSITORY / "firestore/firestore.rules").read_text()
LISTS = [
    "newstally/compact/lists/publications",
    "newstally/compact/publications/post/lists/all",
    "newstally/compact/publications/post/lists/7days",
]
OTHERS = [
    "newstally/compact",
    "newstally/compact/journals/j",
    "newstally/compact/flushes/j-1-1",
    "newstally/compact/publications/post",
    "newstally/compact/publications/post/tallies/log",
    "newstally/compact/publications/post/tallies/all~~",
    "publications/post",
    "publications/post/entities/a|P",
    "flushes/j-1-1",
    "journals/j",
]


def with_lists() -> str:
    """Return the rules that the guide gives to an application on the web."""
    page = (REPOSITORY / "docs/compact.md").read_text()
    (allowed,) = re.findall(r"```\n(match /newstally.*?)```", page, re.DOTALL)
    before, forbidding, after = SHIPPED.partition("match /{document=**}")
    return f"{before}{allowed}{forbidding}{after}"


class Strangers:
    """A database with some documents and rules, seen by somebody without credentials."""

    def __init__(self, emulator: str, rules: str) -> None:
        self._emulator = emulator
        self._rules = rules
        self._project = f"rules-{uuid.uuid4().hex[:8]}"
        self.owner = of_emulator(emulator, f"projects/{self._project}/databases/(default)")
        self.stranger = FirestoreClient(self.owner._api, self.owner.database)

    async def begin(self) -> None:
        files = [{"name": "firestore.rules", "content": self._rules}]
        async with httpx.AsyncClient() as http:
            answer = await http.put(
                f"http://{self._emulator}/emulator/v1/projects/{self._project}:securityRules",
                json={"rules": {"files": files}},
                timeout=60,
            )
        answer.raise_for_status()
        await self.owner.commit([self._write(name) for name in LISTS + OTHERS], 60)

    async def may_read(self, name: str) -> bool:
        try:
            found = await self.stranger.read(self._name(name), 60)
        except PermissionDenied:
            return False
        assert found is not None
        return True

    async def may_write(self, name: str) -> bool:
        try:
            await self.stranger.commit([self._write(name)], 60)
        except PermissionDenied:
            return False
        return True

    async def may_ask(self, parent: str, collection: str) -> bool:
        query = queries.publications(None, 10)
        query.from_[0].collection_id = collection
        above = self.owner.documents if not parent else self._name(parent)
        try:
            async for _ in self.stranger.found(above, query, 60):
                pass
        except PermissionDenied:
            return False
        return True

    def _name(self, name: str) -> str:
        return f"{self.owner.documents}/{name}"

    def _write(self, name: str) -> Write:
        write = Write()
        write.update.name = self._name(name)
        write.update.fields["mentions"].integer_value = 1
        return write


async def test_nobody_but_services_gets_in(emulator: str) -> None:
    """With the rules that are deployed: nothing is read, nothing is written."""
    database = Strangers(emulator, SHIPPED)
    await database.begin()
    for name in LISTS + OTHERS:
        assert not await database.may_read(name), name
        assert not await database.may_write(name), name
    assert not await database.may_ask("", "publications")
    await database.owner.close()


async def test_an_application_on_the_web_may_read_lists(emulator: str) -> None:
    """With the guide's rules: these, and nothing else; it writes nothing."""
    database = Strangers(emulator, with_lists())
    await database.begin()
    for name in LISTS:
        assert await database.may_read(name), name
        assert not await database.may_write(name), name
    for name in OTHERS:
        assert not await database.may_read(name), name
        assert not await database.may_write(name), name
    assert await database.may_ask("newstally/compact/publications/post", "lists")
    assert not await database.may_ask("newstally/compact", "publications")
    assert not await database.may_ask("newstally/compact/publications/post", "tallies")
    await database.owner.close()
