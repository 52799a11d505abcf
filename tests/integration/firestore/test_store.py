"""What is in Firestore: any text comes back, lists page in order, writes are as few as promised."""

import asyncio
import itertools
import random
from pathlib import Path

import grpc
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newstally_persister.journal.tables import flushes
from newstally_persister.sinks.base import (
    EntityTally,
    JournalMismatchError,
    Mark,
    PageLimits,
    PermanentSinkError,
    PublicationTally,
    PublicationUnknownError,
)
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.sinks.firestore.writes import writes_of_flush
from newstally_persister.values.keys import publication_key, publication_name
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from newstally_persister.values.progress import Expiry
from structlog.testing import capture_logs
from support.firestore_bench import PART_WRITES, Bench, Store
from support.firestore_chaos import articles
from support.firestore_patience import unhurried
from support.firestore_proxy import Fault, FirestoreProxy, What
from unit.persister.building import metrics, recount

NASTY = [
    "a/b",
    ".",
    "..",
    "__x__",
    "__",
    "日本語" * 455,  # 4,095 bytes
    "日本語" * 454 + "日本",
    "👩‍👩‍👧‍👦🎉",
    "نيويورك تايمز",
    "`a.b`.`c`",
    "a`b\\.c",
    "%2F",
    "a|b",
    "\x00\x01\n",
    " ",
]
TEXTS = st.one_of(
    st.sampled_from(NASTY),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=400, max_size=1_000),
)
NAMES = TEXTS.map(publication_name).filter(publication_key)
LABELS = st.sampled_from(["PERSON", "ORG", "__x__", "a/b"])
_projects = itertools.count()


@pytest.fixture(autouse=True)
def host(emulator: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator)


def sink(project: str) -> FirestoreSink:
    connection = unhurried(project)
    return FirestoreSink(connection, 7, metrics(), part_writes=1_000)


def part(
    number: int, publications: list[PublicationRow], entities: list[EntityRow], flush: int = 1
) -> Part:
    return Part("a" * 32, flush, number, digest(publications, entities), publications, entities)


@given(
    names=st.lists(NAMES, min_size=1, max_size=4, unique_by=publication_key),
    entities=st.lists(st.tuples(TEXTS, LABELS), max_size=12, unique=True),
    data=st.data(),
)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
def test_any_text_comes_back(
    emulator: str, names: list[str], entities: list[tuple[str, str]], data: st.DataObject
) -> None:
    """Texts and names as they were, each a document of its own, in pages of any size, in order."""
    page_size = data.draw(st.integers(1, 5))
    mentions = data.draw(
        st.lists(st.integers(1, 3), min_size=len(entities), max_size=len(entities))
    )
    asyncio.run(round_trip(names, list(zip(entities, mentions, strict=True)), page_size))


async def round_trip(
    names: list[str], entities: list[tuple[tuple[str, str], int]], page_size: int
) -> None:
    tested = sink(f"any-text-{next(_projects)}")
    keys = [publication_key(name) for name in names]
    publications = [PublicationRow(key, name, 3, 2) for key, name in zip(keys, names, strict=True)]
    rows = [EntityRow(keys[0], *entity, number, 1) for entity, number in entities]
    try:
        await tested.apply(part(1, publications, rows))
        # Names come with a later flush, and stay when the next one has none.
        named = [row._replace(name=row.text.upper()) for row in rows]
        await tested.apply(part(2, publications, named))
        await tested.apply(part(3, publications, rows))
        found = await all_publications(tested, page_size)
        assert sorted(found) == sorted((row.key, row.name, 9, 6) for row in publications)
        for label in ("", "PERSON"):
            expected = [
                EntityTally(text, found_label, 3 * number, 3, text.upper())
                for (text, found_label), number in entities
                if label in ("", found_label)
            ]
            listed = await all_entities(tested, keys[0], label, page_size)
            assert sorted(listed) == sorted(expected)
            if all(len(tally.text.encode()) < 1_300 for tally in expected):
                assert listed == sorted(expected, key=rank)
    finally:
        await tested.close()


def rank(tally: EntityTally) -> tuple[int, bytes, bytes]:
    return -tally.mentions, tally.text.encode(), tally.label.encode()


async def all_publications(tested: FirestoreSink, page_size: int) -> list[PublicationTally]:
    found: list[PublicationTally] = []
    after = None
    while True:
        page = await tested.list_publications(PageLimits(page_size, 10**9), after)
        found.extend(page.items)
        if not page.more:
            return found
        after = (found[-1].mentions, found[-1].key)


async def all_entities(
    tested: FirestoreSink, key: str, label: str, page_size: int
) -> list[EntityTally]:
    found: list[EntityTally] = []
    after = None
    while True:
        page = await tested.list_entity_tallies(key, label, PageLimits(page_size, 10**9), after)
        found.extend(page.items)
        if not page.more:
            return found
        after = (found[-1].mentions, found[-1].text, found[-1].label)


async def test_pages_are_cut_by_bytes() -> None:
    """A page of long texts ends before it gets too large, and the next one goes on there."""
    tested = sink("cut-pages")
    rows = [EntityRow("p", f"{number}" + "x" * 1_000, "P", 10 - number, 1) for number in range(5)]
    await tested.apply(part(1, [PublicationRow("p", "P", 40, 5)], rows))
    page = await tested.list_entity_tallies("p", "", PageLimits(100, 2_500), None)
    assert page.more
    assert [tally.mentions for tally in page.items] == [10, 9]
    last = page.items[-1]
    rest = await tested.list_entity_tallies(
        "p", "", PageLimits(100, 10**9), (last.mentions, last.text, last.label)
    )
    assert [tally.mentions for tally in rest.items] == [8, 7, 6]
    await tested.close()


async def test_an_unknown_publication_is_told_from_an_empty_one() -> None:
    """NOT_FOUND is for what was never counted, not for a label that nobody has."""
    tested = sink("unknown")
    await tested.apply(part(1, [PublicationRow("p", "P", 0, 1)], []))
    assert (await tested.list_entity_tallies("p", "", PageLimits(1, 1), None)).items == []
    with pytest.raises(PublicationUnknownError):
        await tested.list_entity_tallies("q", "", PageLimits(1, 1), None)
    await tested.close()


async def test_a_missing_index_is_named_once(
    emulator: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flushes need no index, so the log says what lists lack: one line until something changes."""
    async with FirestoreProxy(emulator) as proxy:
        proxy.plan = lambda _method, _request: Fault(
            What.REFUSE, grpc.StatusCode.FAILED_PRECONDITION
        )
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.address)
        tested = sink("no-index")
        with capture_logs() as logs:
            for _ in range(3):
                with pytest.raises(PermanentSinkError):
                    await tested.list_publications(PageLimits(1, 1), None)
        await tested.close()
    (line,) = logs
    assert line["event"] == "tallies cannot be read"
    assert "firestore/" in line["remedy"]


async def test_parts_of_another_journal_are_refused() -> None:
    """Another content under the id, a part of a flush that is over, one ahead: each is refused."""
    tested = sink("refused")
    row = PublicationRow("p", "P", 1, 1)
    first = part(1, [row], [])
    await tested.apply(first)
    await tested.apply(first)
    with pytest.raises(JournalMismatchError, match="another content"):
        await tested.apply(part(1, [row, row], []))
    with pytest.raises(JournalMismatchError, match="stands at"):
        await tested.apply(part(1, [row], [], flush=3))
    await tested.expire(Expiry(first.journal_id, 1, (1,)))
    with pytest.raises(JournalMismatchError, match="stands at"):
        await tested.apply(part(2, [row], []))
    await tested.expire(Expiry(first.journal_id, 1, (2,)))  # a receipt without a digest
    with pytest.raises(JournalMismatchError, match="another content"):
        await tested.apply(part(2, [row], []))
    with pytest.raises(JournalMismatchError, match="does not know"):
        await tested.expire(Expiry("b" * 32, 1, (1,)))
    assert (await tested.list_publications(PageLimits(9, 999), None)).items == [
        PublicationTally("p", "P", 1, 1)
    ]
    await tested.close()


async def test_a_receipt_expires_only_when_told_to(emulator: str) -> None:
    """Until then it has no expire_at, which is what the TTL policy looks at."""
    tested = sink("expiring")
    first = part(1, [PublicationRow("p", "P", 1, 1)], [])
    async with Store(emulator, "expiring") as store:
        await tested.apply(first)
        receipt = store.client.collection("flushes").document(first.id)
        assert (await receipt.get()).to_dict() == {"digest": first.digest}
        assert await store.sweep() == 0
        for _ in range(2):
            await tested.expire(Expiry(first.journal_id, 1, (1,)))
        assert set((await receipt.get()).to_dict() or {}) == {"digest", "expire_at"}
        assert await tested.mark(first.journal_id) == Mark(1, 1)
        assert await store.sweep() == 1
    await tested.close()


def patient(connection: Connection) -> FirestoreSink:
    """Return a sink of small parts that sends nothing again because it takes long."""
    return FirestoreSink(connection, 7, metrics(), part_writes=PART_WRITES, parts_in_flight=3)


async def test_writes_are_as_few_as_promised(
    emulator: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One per changed document and flush, two per part, two per flush: so counts the tool."""
    sent = [articles(random.Random(seed), 20) for seed in range(3)]
    expected = 0
    async with FirestoreProxy(emulator) as proxy:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", proxy.address)
        async with Bench(tmp_path, "economy", patient) as bench:
            bench.start()
            for some in sent:
                await bench.record("u", some)
                await bench.until_applied()
                # Each key of the recount stands for a document, or for one of its two fields.
                rows = len({key[:3] for key in recount(some)})
                expected += writes_of_flush(rows, -(-rows // PART_WRITES))
            while await bench.writer.run(flushes.expirable, 1) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert proxy.writes == expected
