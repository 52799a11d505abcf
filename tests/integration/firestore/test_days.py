"""Days in Firestore: months turn, days go, and whatever fails meanwhile, sums are right."""

import asyncio
import random
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.days import of_document
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.sinks.firestore.writes import entity_write, publication_name
from newstally_persister.values.parts import EntityRow
from support.firestore_bench import IMPATIENT, Bench, Store
from support.firestore_chaos import Chaos, articles
from support.firestore_days import Places, days_from, recount_places
from support.firestore_proxy import FirestoreProxy
from unit.persister.building import Article, metrics, recount

SEEDS = 40
TODAY = date(2026, 11, 21)
X = [("x", "P")]


class Calendar:
    """The day by Firestore's clock, and for how long days are kept."""

    def __init__(self, today: date = TODAY) -> None:
        self.today = today
        self.days_kept = 62

    def make_sink(self, connection: Connection) -> FirestoreSink:
        return FirestoreSink(
            connection,
            7,
            metrics(),
            part_writes=4,
            parts_in_flight=3,
            deadlines=IMPATIENT,
            days_kept=self.days_kept,
            today=lambda _: self.today,
        )

    def day(self, age: int = 0) -> int:
        return self.today.toordinal() - date(1970, 1, 1).toordinal() - age


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_months_turn_while_everything_fails(
    seed: int, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Faults, deaths, clocks set back, settings changed: months are right, and so is each day told.

    A day that is told is the whole of it; one that was deleted does not come back in part.
    """
    chaos = Chaos(seed, proxy)
    calendar = Calendar()
    expected: Places = Counter()
    sent: list[Article] = []
    kept_from = ""
    async with (
        Bench(tmp_path, f"months-{seed}", calendar.make_sink) as bench,
        Store(emulator, bench.project) as store,
    ):
        for _ in range(4):
            bench.start()
            kept_from = max(kept_from, days_from(calendar.today, calendar.days_kept))
            some = articles(chaos.draw, 5, calendar.today)
            undertaker = asyncio.create_task(bury(chaos, bench))
            await bench.record("u", some)
            await bench.until_applied()
            undertaker.cancel()
            await asyncio.gather(undertaker, return_exceptions=True)
            await bench.die()
            await proxy.settled()
            sent += some
            expected += recount_places(some, calendar.today, kept_from)
            calendar.today += timedelta(days=chaos.draw.choice((0, 1, 31, 100, -50)))
            calendar.days_kept = chaos.draw.choice((1, 62, 366))
        assert not bench.fatal
        total, dated = await store.counts()
    assert total == recount(sent)
    months = {key: n for key, n in expected.items() if len(key[-1]) != len("2026-11-21")}
    assert {key: n for key, n in dated.items() if key in months} == months
    for key, number in dated.items():
        assert expected[key] == number, key


async def bury(chaos: Chaos, bench: Bench) -> None:
    """Let the persister die now and then, and start it again."""
    while True:
        await chaos.deadly.wait()
        chaos.deadly.clear()
        await bench.die()
        bench.start()


async def document(client: FirestoreClient, publication: str, text: str = "") -> object:
    name = publication_name(client.documents, publication)
    if text:
        name = entity_write(client.documents, EntityRow(publication, text, "P", 1, 1)).update.name
    return await client.read(name, 10)


async def test_old_days_go_and_their_months_stay(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the write that comes anyway; Firestore's clock decides, and it is kept with the mark."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    calendar = Calendar()
    async with (
        Bench(tmp_path, "old-days", calendar.make_sink) as bench,
        Store(emulator, bench.project) as store,
    ):
        bench.start()
        await bench.record("u", [("Post", X, calendar.day()), ("Post", X)])
        await bench.until_applied()
        calendar.today = date(2027, 3, 1)
        await bench.record("u", [("Post", X, calendar.day())])
        await bench.until_applied()
        (mark,) = [each.to_dict() async for each in store.client.collection("journals").stream()]
        assert mark
        assert mark["days_from"] == "2026-12"
        publication = await store.client.collection("publications").document("post").get()
        one = {"mentions": 1, "articles": 1}
        found = publication.to_dict() or {}
        assert found["days"] == {"2027-03": {"01": one}}
        assert found["months"] == {"2026-11": one, "2027-03": one}
        assert found["articles"] == 3
        async with bench._sink._connection.use() as client:
            for text in ("", "x"):
                told = of_document(await document(client, "post", text))
                assert told.days == {calendar.day(): (1, 1)}
                assert told.months == {12 * 2026 + 10: (1, 1)}


async def test_firestores_own_clock_is_asked(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the machine's: it comes with the mark, also when there is none yet."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    async with Bench(
        tmp_path, "its-clock", lambda c: FirestoreSink(c, 7, metrics(), part_writes=9)
    ) as bench:
        bench.start()
        async with bench._sink._connection.use() as client:
            _, before = await client.read_at(f"{client.documents}/journals/none", 10)
        await bench.record("u", [("Post", X, before.toordinal() - date(1970, 1, 1).toordinal())])
        await bench.until_applied()
        async with bench._sink._connection.use() as client:
            told = of_document(await document(client, "post"))
        assert [*told.days.values()] == [(1, 1)]


async def test_rows_of_an_archive_fit_into_commits(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One entity on every day of seven years: within the transforms that a commit may have."""
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)
    calendar = Calendar()
    draw = random.Random(1)
    some: list[Article] = [("Post", X, calendar.day(age)) for age in range(7 * 365)]
    draw.shuffle(some)
    async with (
        Bench(tmp_path, "archive", calendar.make_sink) as bench,
        Store(emulator, bench.project) as store,
    ):
        await bench.record("u", some)
        bench.start()
        await bench.until_applied()
        total, dated = await store.counts()
        assert total == recount(some)
        assert dated == recount_places(some, TODAY, days_from(TODAY))
