"""Firestore answers INVALID_ARGUMENT: to a part, to a document, to everything."""

import asyncio
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from newstally_persister.journal.tables import set_aside
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.sink import FirestoreSink
from support.firestore_bench import Bench
from support.firestore_chaos import articles
from support.firestore_compact import COMPACT, DOCUMENTS, TINY, Kind, compact
from support.firestore_proxy import COMMIT, PASS, Fault, FirestoreProxy, What, commit_of
from unit.persister.building import Tallies, metrics, recount

INVALID = grpc.StatusCode.INVALID_ARGUMENT
ROOMY = replace(TINY, log_bytes=100_000, logs_bytes=200_000)
"""Nothing is folded for want of room: a fold that is refused is another matter."""
REFUSE = Fault(What.REFUSE, INVALID)
SENT = [articles(random.Random(n), 8) for n in range(3)]
ALL = [article for some in SENT for article in some]


def small_parts(connection: Connection) -> FirestoreSink:
    return FirestoreSink(connection, 7, metrics(), part_writes=4, parts_in_flight=3)


def compact_parts(connection: Connection) -> FirestoreSink:
    return FirestoreSink(
        connection, 7, metrics(), part_writes=1, parts_in_flight=3, layout=compact(ROOMY)
    )


@pytest.fixture(params=[DOCUMENTS, COMPACT], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each layout, with patience."""
    found: Kind = request.param
    patient = {"documents": small_parts, "compact": compact_parts}
    return replace(found, make_sink=patient[found.name])


async def send(bench: Bench) -> None:
    for some in SENT:
        await bench.record("u", some)


async def aside(bench: Bench) -> Tallies:
    """Return what is set aside."""
    total: Tallies = Counter()
    for row in await bench.writer.run(set_aside.rows):
        total[row.publication_key, row.text, row.label, "mentions"] = row.mentions
        total[row.publication_key, row.text, row.label, "articles"] = row.articles
    return +total


def rows_of(request: bytes) -> int:
    """Return how many rows of a part a commit adds; a fold adds none."""
    rows = 0
    if "/flushes/" not in commit_of(request).writes[0].update.name:
        return rows
    for write in commit_of(request).writes:
        logged = [
            element.map_value.fields["texts"].array_value.values
            for transform in write.update_transforms
            for element in transform.append_missing_elements.values
        ]
        # In a log, the publication's own row has no text.
        rows += sum(text.string_value != "" for texts in logged for text in texts)
        rows += "/publications/" in write.update.name and not logged
    return rows


async def test_parts_that_are_too_large(
    kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Whatever has more than one document is refused: all of it is applied in smaller parts."""
    proxy.plan = lambda method, request: (
        REFUSE if method == COMMIT and rows_of(request) > 1 else PASS
    )
    async with (
        Bench(tmp_path, f"too-large-{kind.name}", kind.make_sink) as bench,
        kind.store(emulator, bench.project) as store,
    ):
        bench.start()
        await send(bench)
        await bench.until_applied()
        assert not bench.fatal
        assert await aside(bench) == {}
        assert await store.tallies() == recount(ALL)


@pytest.mark.parametrize("lost", [False, True])
async def test_a_document(
    lost: bool, kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """It is set aside, and all others are applied; what is lost on the way does not matter."""
    draw = random.Random(7)

    def plan(method: str, request: bytes) -> Fault:
        if method != COMMIT:
            return PASS
        if b"angela merkel" in request:
            return REFUSE
        unlucky = lost and draw.random() < 0.3
        return Fault(What.APPLY_AND_REFUSE) if unlucky else PASS

    proxy.plan = plan
    async with (
        Bench(tmp_path, f"document-{lost:d}-{kind.name}", kind.make_sink) as bench,
        kind.store(emulator, bench.project) as store,
    ):
        bench.start()
        await send(bench)
        await bench.until_applied()
        missing = await aside(bench)
        assert {key[1] for key in missing} == {"angela merkel"}
        assert await store.tallies() == recount(ALL) - missing
        proxy.plan = lambda _method, _request: PASS
        assert await bench.writer.run(set_aside.retry)
        bench.hurry()
        await bench.until_applied()
        assert await store.tallies() == recount(ALL)


async def test_a_part_that_was_applied_before_it_was_refused(
    kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Its answer was lost, and the next attempt is refused: the receipt tells, nothing is twice."""
    seen: Counter[str] = Counter()

    def plan(method: str, request: bytes) -> Fault:
        if method != COMMIT or not rows_of(request):
            return PASS
        name = commit_of(request).writes[0].update.name
        seen[name] += 1
        return Fault(What.APPLY_AND_REFUSE) if seen[name] == 1 else REFUSE

    proxy.plan = plan
    # The receipt is looked for after a refusal only, so the commit itself has to come again.
    async with (
        Bench(tmp_path, f"applied-before-{kind.name}", kind.make_sink) as bench,
        kind.store(emulator, bench.project) as store,
    ):
        bench.start()
        await send(bench)
        await bench.until_applied()
        assert await aside(bench) == {}
        # A compact one makes room first, and is sent once more.
        assert max(seen.values()) == {"documents": 2, "compact": 3}[kind.name]
        assert await store.tallies() == recount(ALL)


async def test_everything(kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path) -> None:
    """Nothing is set aside, because not even a tombstone is taken; mended, all of it is applied."""
    proxy.plan = lambda method, _request: REFUSE if method == COMMIT else PASS
    async with (
        Bench(tmp_path, f"everything-{kind.name}", kind.make_sink) as bench,
        kind.store(emulator, bench.project) as store,
    ):
        bench.start()
        await send(bench)
        async with asyncio.timeout(60):
            while bench.health.trouble is None:  # noqa: ASYNC110 - it knows no event
                await asyncio.sleep(0.001)
        assert bench.health.trouble.permanent
        assert await aside(bench) == {}
        assert await store.tallies() == {}
        proxy.plan = lambda _method, _request: PASS
        await bench.until_applied()
        assert bench.health.trouble is None
        assert await aside(bench) == {}
        assert await store.tallies() == recount(ALL)
