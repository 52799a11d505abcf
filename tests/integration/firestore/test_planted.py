"""Faults planted into the sink are caught: by the same lives and recounts, or by a rule of its own.

What is not caught here would not be caught in the sink either.
"""

import random
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.api_core.exceptions import Conflict
from google.cloud.firestore_v1.types import CommitRequest
from newstally_persister.sinks.base import SinkError
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.commit import Commit
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.days import Window
from newstally_persister.sinks.firestore.sink import FirestoreSink
from newstally_persister.values.parts import Part
from support.firestore_bench import IMPATIENT, Bench, MakeSink, Store
from support.firestore_chaos import Chaos, articles, live
from support.firestore_compact import COMPACT, DOCUMENTS, Kind, compact
from support.firestore_proxy import COMMIT, PASS, Fault, FirestoreProxy, What
from unit.persister.building import metrics, recount

LIVES = 150
"""A planted fault must show within so many seeds; most show in the first few. In a compact database
a part that is applied twice is not doubled in a log, where its elements are equal."""
_incarnations = count()


def receipt(client: FirestoreClient, name: str) -> str:
    return f"{client.documents}/flushes/{name}"


class NoReceipt(FirestoreSink):
    """The receipt is left out, and so is looking for it."""

    def _commit(
        self, client: FirestoreClient, part: Part, digest: str, seen: Any, kept: Window
    ) -> Commit:
        commit = super()._commit(client, part, digest, seen, kept)
        del commit.writes[0]
        return commit


class NewIdAfterRestart(FirestoreSink):
    """Receipts are named anew by each process."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self._incarnation = next(_incarnations)

    def _receipt(self, client: FirestoreClient, part: Part) -> str:
        return receipt(client, f"{part.id}-{self._incarnation}")


class ConflictIsDone(FirestoreSink):
    """AlreadyExists is looked for through its parent, which Aborted shares."""

    async def apply(self, part: Part) -> None:
        try:
            await super().apply(part)
        except SinkError as error:
            if not isinstance(error.__cause__, Conflict):
                raise


class ExpiresTooEarly(FirestoreSink):
    """Receipts get their expire_at when they are made."""

    def _commit(
        self, client: FirestoreClient, part: Part, digest: str, seen: Any, kept: Window
    ) -> Commit:
        commit = super()._commit(client, part, digest, seen, kept)
        expire_at = self._wall_clock() + self._receipt_life
        commit.writes.append(writes.receipt_expiry(self._receipt(client, part), expire_at))
        return commit


class NumbersWithoutJournal(FirestoreSink):
    """Receipts are named by flush and part alone, which begin again with a new journal."""

    def _receipt(self, client: FirestoreClient, part: Part) -> str:
        return receipt(client, f"{part.flush}-{part.number}")


def with_sink(kind: type[FirestoreSink], layout: Kind = DOCUMENTS) -> MakeSink:
    """Make sinks of that kind with small parts."""

    def make(connection: Connection) -> FirestoreSink:
        small: dict[str, Any] = {"part_writes": 4}
        if layout is COMPACT:
            small = {"part_writes": 1, "layout": compact()}
        return kind(connection, 7, metrics(), parts_in_flight=3, deadlines=IMPATIENT, **small)

    return make


@pytest.mark.timeout(900)  # as many lives as it takes
@pytest.mark.parametrize("kind", [DOCUMENTS, COMPACT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("planted", [NoReceipt, NewIdAfterRestart, ConflictIsDone, ExpiresTooEarly])
async def test_a_recount_tells(
    planted: type[FirestoreSink], kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Some life with this fault ends with a wrong recount, or with the sink refused."""
    for seed in range(LIVES):
        project = f"planted-{kind.name}-{planted.__name__.lower()}-{seed}"
        async with (
            Bench(tmp_path / str(seed), project, with_sink(planted, kind)) as bench,
            kind.store(emulator, project) as store,
        ):
            chaos = Chaos(seed, proxy)
            sent = await live(chaos, bench, store)
            if bench.fatal or await store.tallies() != recount(sent):
                return
    pytest.fail(f"{planted.__doc__}: not caught in {LIVES} lives")


@pytest.mark.parametrize("kind", [FirestoreSink, NumbersWithoutJournal])
async def test_a_fresh_journal_beside_an_old_store(
    kind: type[FirestoreSink], emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """It just works, because a receipt's name begins with the journal's id; without, it shows."""
    sent = [articles(random.Random(n), 8) for n in range(2)]
    project = f"fresh-{kind.__name__.lower()}"
    right = True
    async with Store(emulator, project) as store:
        for number, some in enumerate(sent):
            async with Bench(tmp_path / str(number), project, with_sink(kind)) as bench:
                bench.start()
                await bench.record("u", some)
                await bench.until_applied()
                right &= not bench.fatal
        right &= await store.tallies() == recount([*sent[0], *sent[1]])
    assert right == (kind is FirestoreSink)


async def test_an_attempt_is_one_commit(
    emulator: str, proxy: FirestoreProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client does not send a commit again by itself; left to its default, it does."""

    def plan(method: str, _: bytes) -> Fault:
        return (
            Fault(What.APPLY_AND_REFUSE, grpc.StatusCode.UNAVAILABLE)
            if (method == COMMIT)
            else PASS
        )

    async def commits_of_one_attempt(part: Part) -> int:
        before = proxy.calls.count(COMMIT)
        proxy.plan = plan
        with pytest.raises(SinkError):
            await bench._sink.apply(part)
        return proxy.calls.count(COMMIT) - before

    def patient(connection: Connection) -> FirestoreSink:
        return FirestoreSink(connection, 7, metrics(), part_writes=4)

    async with Bench(tmp_path, "one-commit", patient) as bench:
        bench.start()
        assert await commits_of_one_attempt(Part("a" * 32, 1, 1, "digest", [], [])) == 1

        async def commit(self: FirestoreClient, writes: list[Any], seconds: float) -> Sequence[Any]:
            request = CommitRequest.pb()(database=self.database, writes=writes)
            response = await self._api.commit(
                CommitRequest.wrap(request), timeout=seconds, metadata=self._metadata
            )
            found: Sequence[Any] = response.write_results
            return found

        monkeypatch.setattr(FirestoreClient, "commit", commit)
        refused = 0

        def once(method: str, request: bytes) -> Fault:
            nonlocal refused
            refused += method == COMMIT
            return plan(method, request) if refused <= 1 else PASS

        proxy.plan = once
        before = proxy.calls.count(COMMIT)
        await bench._sink.apply(Part("b" * 32, 1, 1, "digest", [], []))
        assert proxy.calls.count(COMMIT) - before > 1
