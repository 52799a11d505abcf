"""Lists of a compact database, as an ordinary client of Firestore sees them."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client
from newstally_persister.sinks.firestore.compact.listing.layout import ListedLayout
from newstally_persister.sinks.firestore.compact.listing.tops import SIZES, Sizes
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.ids import publication_id
from newstally_persister.sinks.firestore.making import LIMITS_VARIABLE
from newstally_persister.sinks.firestore.sink import Deadlines, FirestoreSink
from newstally_persister.values.parts import EntityRow, Part
from support import firestore_bench
from support.firestore_bench import Bench
from support.firestore_chaos import Chaos, articles, live
from support.firestore_compact import TINY, CompactStore
from support.firestore_proxy import COMMIT, PASS, Fault, FirestoreProxy, What, commit_of
from support.processes import eventually
from support.top_lists import LENGTHS, plain
from unit.persister.building import Article, metrics, recount
from unit.persister.calling import Caller, persister

SMALL = Sizes(rows=4, label_rows=2, labels=1, kept=4)
LIMIT = datetime.now(UTC).date().toordinal() - date(1970, 1, 1).toordinal() + 1
FIRST, SECOND = (articles(random.Random(seed), 12) for seed in (1, 2))
Seen = dict[tuple[str, str, int], dict[str, Any]]
"""What a listener was shown, by publication's id, list, and `parts` or flush."""


class Noting(FirestoreSink):
    """Notes what it writes, and keeps lists meanwhile, as a process does."""

    def __init__(self, connection: Connection, noted: dict[str, Part]) -> None:
        layout = partial(ListedLayout, limits=TINY, every_seconds=0.1, sizes=SMALL)
        deadlines = Deadlines(commit_seconds=2.0, read_seconds=2.0)
        super().__init__(
            connection, 7, metrics(), part_writes=3, deadlines=deadlines, layout=layout
        )
        self._noted = noted
        self._keeping = asyncio.create_task(self.keep())

    async def apply(self, part: Part) -> None:
        self._noted[part.id] = part
        await super().apply(part)

    async def close(self) -> None:
        self._keeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._keeping
        await super().close()


@contextmanager
def client_of(emulator: str, project: str) -> Iterator[Client]:
    """Google's own client, past the proxy."""
    client = Client(project=project, credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
    client._emulator_host = emulator
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]


@contextmanager
def listening(client: Client, keys: list[str], seen: Seen) -> Iterator[None]:
    """Listen to the lists of these publications, and to the list of publications."""
    watches = []

    def shown(documents: Any, _: Any, __: Any) -> None:
        for document in documents:
            held = document.to_dict()
            above = document.reference.parent.parent.id
            seen[above, document.id, held.get("parts", held["flush"])] = held

    root = client.document("newstally/compact")
    for key in keys:
        lists = root.collection("publications").document(publication_id(key)).collection("lists")
        watches.append(lists.on_snapshot(shown))
    watches.append(root.collection("lists").on_snapshot(shown))
    try:
        yield
    finally:
        for watch in watches:
            # It waits a second at most, and does not bear that its channel is closed before.
            thread = watch._consumer._thread
            watch.unsubscribe()
            thread.join(60)


def check(seen: Seen, parts: list[Part]) -> None:
    """Each list is what sorting all rows up to its flush gives."""
    keys = {publication_id(row.key): row.key for part in parts for row in part.publications}
    for (publication, name, _), held in seen.items():
        found = dict(held)
        journal, flush = found.pop("journal"), found.pop("flush")
        some = [part for part in parts if part.flush <= flush]
        assert {part.journal_id for part in some} == {journal}
        if name == "publications":
            totals: Counter[str] = Counter()
            for part in some:
                totals.update({row.key: row.mentions for row in part.publications})
            # Counter.update adds, and keeps those that have none.
            assert {row["key"]: row["mentions"] for row in found["rows"]} == dict(totals)
            continue
        key = keys[publication]
        rows = [row for part in some for row in part.entities if row.publication_key == key]
        own = [row for part in some for row in part.publications if row.key == key]
        found.pop("parts")
        assert found == plain(rows, own, LENGTHS[name], LIMIT, SMALL)


@pytest.mark.parametrize("seed", range(2))
async def test_a_listener_sees_exact_lists(
    seed: int,
    emulator: str,
    proxy: FirestoreProxy,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through all faults and deaths: each that it is shown is exact for the flush that it names."""
    # Lists, and the emulator's answers to them, come on top of what such a life does otherwise.
    monkeypatch.setattr(firestore_bench, "WAIT_SECONDS", 120.0)
    noted: dict[str, Part] = {}
    seen: Seen = {}
    project = f"listener-{seed}"
    bench = Bench(tmp_path, project, lambda connection: Noting(connection, noted))
    chaos = Chaos(seed, proxy)
    with (
        client_of(emulator, project) as client,
        listening(client, ["the lantern", "a/b", "__x__"], seen),
    ):
        async with bench, CompactStore(emulator, project) as store:
            await live(chaos, bench, store)
            assert not bench.fatal
            proxy.plan = lambda _method, _request: PASS
            proxy.chop = lambda _size: False
            parts = [*noted.values()]
            await asyncio.to_thread(eventually, lambda: shows_everything(seen, parts), 100.0)
    check(seen, sorted(noted.values(), key=lambda part: (part.flush, part.number)))


def shows_everything(seen: Seen, parts: list[Part]) -> bool:
    """Whether the last list of each publication, and of them, was shown."""
    counts = Counter(
        key
        for part in parts
        for key in {
            *(row.publication_key for row in part.entities),
            *(row.key for row in part.publications if row.days),
        }
    )
    wanted = {(publication_id(key), "all", number) for key, number in counts.items()}
    last = max(part.flush for part in parts)
    listed = any(place[1] == "publications" and place[2] == last for place in list(seen))
    return listed and wanted <= seen.keys()


@pytest.mark.parametrize(("number", "what"), [(1, What.APPLY_AND_STALL), (2, What.STALL)])
async def test_killed_while_lists_are_written(
    number: int, what: What, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """kill -9 with a list on its way, or its reply: the next start brings all lists up to date."""
    commits = 0
    reached = asyncio.Event()

    def plan(method: str, request: bytes) -> Fault:
        nonlocal commits
        if method != COMMIT or "/lists/" not in commit_of(request).writes[0].update.name:
            return PASS
        commits += 1
        if commits == number:
            reached.set()
            return Fault(what)
        return PASS

    proxy.plan = plan
    project = f"lists-killed-{number}-{what.name}".lower().replace("_", "-")
    flags = ("--sink", "firestore", "--firestore-layout", "compact", "--flush-age", "0.2")
    process = persister(tmp_path, *flags, "--firestore-list-seconds", "0.1")
    process.environment.update(
        FIRESTORE_EMULATOR_HOST=proxy.address,
        GOOGLE_CLOUD_PROJECT=project,
        **{LIMITS_VARIABLE: "log_bytes=1800,leaf_bytes=400,leaf_rows=3"},
    )

    def send(upload_id: str, some: list[Article]) -> None:
        with Caller(process.address) as caller:
            caller.create(upload_id)
            caller.insist(upload_id, 0, some)
            caller.until_applied(upload_id)

    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(send, "one", [*FIRST, *SECOND])
        async with asyncio.timeout(100):
            await reached.wait()
            if what is What.APPLY_AND_STALL:
                await proxy.applied.wait()
        await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
        with client_of(emulator, project) as client:
            await asyncio.to_thread(eventually, lambda: lists_are_exact(client), 100.0)
    finally:
        await asyncio.to_thread(process.kill)


def lists_are_exact(client: Client) -> bool:
    """Whether the stored lists of all time show all articles."""
    expected = recount([*FIRST, *SECOND])
    found = []
    for key in {place[0] for place in expected}:
        rows = [
            EntityRow(key, text, label, count, expected[key, text, label, "articles"])
            for (of, text, label, kind), count in expected.items()
            if (of, kind) == (key, "mentions") and text
        ]
        wanted = plain(rows, [], None, LIMIT, SIZES)
        path = f"newstally/compact/publications/{publication_id(key)}/lists/all"
        held = client.document(path).get().to_dict() or {}
        found.append({name: held.get(name) for name in wanted} == wanted)
    listed = client.document("newstally/compact/lists/publications").get().to_dict() or {}
    totals = {row["key"]: row["mentions"] for row in listed.get("rows", ())}
    kinds = {place[0]: n for place, n in expected.items() if place[1:] == ("", "", "mentions")}
    return all(found) and totals == {key: kinds.get(key, 0) for key in totals} and len(totals) > 1
