"""Whatever happens between the sink and Firestore, the recount from the emulator is equal."""

import os
import random
from pathlib import Path

import pytest
from support.firestore_bench import Bench
from support.firestore_chaos import CODES, Chaos, articles, live
from support.firestore_compact import COMPACT, DOCUMENTS, Kind
from support.firestore_proxy import COMMIT, PASS, Fault, FirestoreProxy, What, commit_of
from unit.persister.building import recount

SEEDS = {"documents": 200, "compact": int(os.environ.get("FAULT_SEEDS", "40"))}
"""Of each layout; `make faults` takes 200 of the compact one, too."""


@pytest.fixture(params=[DOCUMENTS, COMPACT], ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each layout."""
    found: Kind = request.param
    return found


async def counted_once(kind: Kind, bench: Bench, emulator: str, proxy: FirestoreProxy) -> None:
    """Two rounds of articles through the bench's faults; then the recount."""
    sent = [articles(random.Random(n), 6) for n in range(3)]
    async with bench, kind.store(emulator, bench.project) as store:
        bench.start()
        for some in sent:
            await bench.record("u", some)
            await bench.until_applied()
        await proxy.settled()
        assert not bench.fatal
        every = [a for some in sent for a in some]
        total, dated = await store.counts()
        assert total == recount(every)
        assert dated == kind.recount_dated(every)


EACH = [
    *(Fault(What.REFUSE, code) for code in CODES),
    *(Fault(What.APPLY_AND_REFUSE, code) for code in CODES),
    *(Fault(what) for what in (What.LATE, What.STALL, What.APPLY_AND_STALL)),
    *(Fault(what) for what in (What.CUT, What.APPLY_AND_CUT)),
]


@pytest.mark.parametrize("fault", EACH, ids=lambda f: f"{f.what.name}-{f.code.name}".lower())
async def test_every_first_attempt_fails(
    fault: Fault, kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Each commit meets the fault once, at its first attempt; the recount is equal."""
    seen: set[str] = set()

    def plan(method: str, request: bytes) -> Fault:
        if method != COMMIT:
            return PASS
        # The receipt names the part, and the step: a part's is first, the mark is before expiring.
        names = str([write.update.name for write in commit_of(request).writes[:2]])
        if names in seen:
            return PASS
        seen.add(names)
        return fault

    proxy.plan = plan
    name = f"each-{kind.name}-{fault.what.name}-{fault.code.name}".lower().replace("_", "-")
    await counted_once(kind, Bench(tmp_path, name, kind.make_sink), emulator, proxy)
    assert len(seen) >= 6


async def test_the_connection_breaks_in_the_middle_of_requests(
    kind: Kind, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Half of a request arrives, again and again; the recount is equal."""
    draw = random.Random(1)
    cuts = 0

    def chop(size: int) -> bool:
        nonlocal cuts
        cut = size > 300 and draw.random() < 0.3
        cuts += cut
        return cut

    proxy.chop = chop
    bench = Bench(tmp_path, f"chopped-{kind.name}", kind.make_sink)
    await counted_once(kind, bench, emulator, proxy)
    assert cuts > 3


@pytest.mark.parametrize(
    ("kind", "seed"),
    [(kind, seed) for kind in (DOCUMENTS, COMPACT) for seed in range(SEEDS[kind.name])],
    ids=lambda value: getattr(value, "name", value),
)
async def test_a_random_mixture(
    kind: Kind, seed: int, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """All faults, restarts and expired receipts, drawn by the seed; the recount is equal."""
    chaos = Chaos(seed, proxy)
    async with (
        Bench(tmp_path, f"seed-{seed}-{kind.name}", kind.make_sink) as bench,
        kind.store(emulator, bench.project) as store,
    ):
        sent = await live(chaos, bench, store)
        assert not bench.fatal
        total, dated = await store.counts()
        assert total == recount(sent)
        assert dated == kind.recount_dated(sent)
