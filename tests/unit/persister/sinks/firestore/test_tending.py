"""What is done beside parts: begun at a start, tried again whatever fails, and told."""

import asyncio
import random
from collections.abc import Callable
from typing import Any, cast

import pytest
from google.api_core.exceptions import PermissionDenied
from newstally_persister.sinks.base import PermanentSinkError, SinkError
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries
from newstally_persister.sinks.firestore.compact.head import read_head
from newstally_persister.sinks.firestore.compact.layout import CompactLayout, part_writes
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.sink import FirestoreSink, Send
from newstally_persister.sinks.health import SinkHealth
from newstally_protos.backoff import Backoff
from structlog.testing import capture_logs
from support.compact_database import TINY, Database, added_up, entities, part, same
from support.virtual_time import run
from unit.persister.building import metrics

GENEROUS_SECONDS = 60.0


class Troubled(CompactLayout):
    """Tending fails so often, with this."""

    failures = 0
    error: Exception

    async def tend(self, client: FirestoreClient) -> None:
        """See Layout.tend."""
        if self.failures:
            self.failures -= 1
            raise self.error
        await super().tend(client)


class Tended:
    """A sink on a database in memory, and what is told of it."""

    def __init__(self, database: Database, failures: int = 0, error: Exception | None = None):
        self.told: list[SinkError | None] = []
        self.health = SinkHealth(metrics())

        async def connect() -> FirestoreClient:
            return cast("FirestoreClient", database.memory)

        def layout(send: Send, seconds: float) -> CompactLayout:
            made = Troubled(send, seconds, TINY)
            made.failures = failures
            if error is not None:
                made.error = error
            return made

        self.sink = FirestoreSink(
            Connection(connect),
            7,
            metrics(),
            part_writes=1_000,
            layout=layout,
            tell=self._tell,
            backoff=Backoff(first_seconds=0.001, longest_seconds=0.001),
        )

    def _tell(self, error: SinkError | None) -> None:
        self.told.append(error)
        self.health.beside(error)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(GENEROUS_SECONDS):
        while not condition():  # noqa: ASYNC110 - of many kinds
            await asyncio.sleep(0)


def unfolded() -> tuple[Database, list[Any]]:
    """Return a database whose process ended before it folded what was due, and what is in it."""
    database = Database()
    draw = random.Random(3)
    parts = [part(number, entities(draw, 6)) for number in range(1, 12)]

    async def live() -> None:
        for each in parts:
            await database.apply(each)

    run(live())
    head = read_head(database.memory.document(queries.head_name(database.publication)))
    assert head.due
    return database, parts


def test_a_start_goes_on_with_what_was_due() -> None:
    """No part comes for the publication, ever again; its segments are folded all the same."""
    database, parts = unfolded()

    async def live() -> None:
        tended = Tended(database)
        await tended.sink.keep()
        await until(lambda: not database.pieces_there())
        await tended.sink.close()
        assert not tended.told
        same(await database.all(), added_up(parts))

    run(live())


def test_a_start_with_nothing_due_reads_little() -> None:
    """Two documents for each publication: its name, and its head; nothing is written."""
    database, _ = unfolded()

    async def live() -> None:
        first = Tended(database)
        await first.sink.keep()
        await until(lambda: not database.pieces_there())
        await first.sink.close()
        before = database.memory.reads, database.memory.writes
        again = Tended(database)
        await again.sink.keep()
        await until(lambda: not again.sink._layout.due)
        await again.sink.close()
        # The layout, the names of publications, and a head.
        assert (database.memory.reads - before[0], database.memory.writes) == (3, before[1])

    run(live())


@pytest.mark.parametrize(
    ("error", "permanent", "says"),
    [
        (KeyError("what an article says"), False, "SinkError: KeyError at "),
        (PermissionDenied("no"), True, "PERMISSION_DENIED"),  # type: ignore[no-untyped-call]
    ],
)
def test_what_fails_is_trouble_of_the_sink_until_it_works(
    error: Exception, permanent: bool, says: str
) -> None:
    """It is tried again by itself, without a part; it is logged once, and says where it was."""
    database, parts = unfolded()

    async def live() -> None:
        tended = Tended(database, failures=4, error=error)
        with capture_logs() as logs:
            await tended.sink.keep()
            await until(lambda: tended.told)
            trouble = tended.health.trouble
            assert trouble is not None
            assert (trouble.permanent, says in trouble.error) == (permanent, True)
            assert "what an article says" not in trouble.error
            assert tended.health.details()["error"] == trouble.error
            tended.health.worked()  # parts do
            assert tended.health.trouble == trouble
            await until(lambda: tended.told[-1] is None)
        await until(lambda: not database.pieces_there())
        await tended.sink.close()
        assert tended.health.trouble is None
        assert [line["event"] for line in logs] == ["folding fails", "folding works again"]
        assert len([told for told in tended.told if told is not None]) == (4 if permanent else 3)
        assert all(
            isinstance(told, PermanentSinkError | None) or not permanent for told in tended.told
        )
        same(await database.all(), added_up(parts))

    run(live())


def test_one_that_fails_holds_up_no_other() -> None:
    """A publication whose log cannot be closed comes after all the others."""
    database = Database()
    calls: list[str] = []

    async def send(client: FirestoreClient, writes: list[Any]) -> None:
        names = [write.update.name for write in writes]
        calls.extend(names)
        if any("/bad/" in name for name in names):
            raise KeyError
        await client.commit(writes, 1.0)

    layout = CompactLayout(send, 1.0, TINY)
    root = layout.root(database.client)
    bad, good = (f"{root}/publications/{name}" for name in ("bad", "good"))

    async def live() -> None:
        for publication in (bad, good):
            # Logs that are nearly full.
            async with layout.logs.room(database.client, {publication: TINY.log_bytes - 1}):
                given = part(1, entities(random.Random(1), 2))
                for write in part_writes(root, given):
                    write.update.name = write.update.name.replace(
                        f"{root}/publications/p", publication
                    )
                    await database.client.commit([write], 1.0)
        for _ in range(2):
            with pytest.raises(KeyError):
                await layout.logs.tend(database.client)

    run(live())
    assert any(f"{good}/" in call for call in calls)
