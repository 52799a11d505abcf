"""A life of a persister with Firestore as its sink, drawn from a seed."""

import asyncio
import random
from datetime import UTC, date, datetime

import grpc
from support.firestore_bench import Bench, Store
from support.firestore_proxy import COMMIT, PASS, Fault, FirestoreProxy, What
from unit.persister.building import Article

CODES = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.INTERNAL,
)
ROUNDS = 3
_LIKELY = {
    What.PASS: 60,
    What.REFUSE: 8,
    What.APPLY_AND_REFUSE: 14,
    What.LATE: 5,
    What.STALL: 1,
    What.APPLY_AND_STALL: 1,
    What.CUT: 2,
    What.APPLY_AND_CUT: 4,
}
_DEADLY = 0.05
"""How often a commit's arrival is the last thing that the persister lives to see."""


def some_days(today: date) -> list[int | None]:
    """Return days of which some are kept by day, some by month, some outside, and none."""
    number = today.toordinal() - date(1970, 1, 1).toordinal()
    return [None, number, number, number - 1, number - 40, number - 200, 3, number + 200]


def articles(draw: random.Random, number: int, today: date | None = None) -> list[Article]:
    """Return articles over few publications and entities, so that documents are hit again."""
    days = some_days(today or datetime.now(UTC).date())
    return [
        None
        if draw.random() < 0.1
        else (
            draw.choice(("The Lantern", "the  lantern", "a/b", "__x__")),
            [
                (draw.choice(("angela merkel", "..", "日本", "x`.y", "é")), draw.choice("PO"))
                for _ in range(draw.randrange(4))
            ],
            draw.choice(days),
        )
        for _ in range(number)
    ]


class Chaos:
    """Draws what happens to each call, and when the persister dies."""

    def __init__(self, seed: int, proxy: FirestoreProxy) -> None:
        self.draw = random.Random(seed)
        self.deadly = asyncio.Event()
        """Set when the persister shall die now."""
        self.over = False
        self.proxy = proxy
        proxy.plan = self._plan
        proxy.chop = lambda size: size > 300 and self.draw.random() < 0.02

    def _plan(self, method: str, _: bytes) -> Fault:
        if method == COMMIT and self.draw.random() < _DEADLY:
            self.deadly.set()
        if method != COMMIT and self.draw.random() < 0.7:
            return PASS
        (what,) = self.draw.choices(list(_LIKELY), list(_LIKELY.values()))
        return Fault(what, self.draw.choice(CODES))


async def live(chaos: Chaos, bench: Bench, store: Store) -> list[Article]:
    """Record, flush, die and start again through some rounds; return what was settled.

    Returns early when the flusher has refused to go on.
    """
    sent: list[Article] = []
    bench.start()
    undertaker = asyncio.create_task(_bury(chaos, bench, store))
    try:
        for number in range(ROUNDS):
            for upload_id in ("one", "two"):
                some = articles(chaos.draw, chaos.draw.randrange(1, 6))
                await bench.record(upload_id, some)
                sent += some
            if chaos.draw.random() < 0.5 or number == ROUNDS - 1:
                await bench.until_applied()
    finally:
        chaos.over = True
        chaos.deadly.set()
        await undertaker
    await chaos.proxy.settled()
    return sent


async def _bury(chaos: Chaos, bench: Bench, store: Store) -> None:
    while True:
        await chaos.deadly.wait()
        chaos.deadly.clear()
        if chaos.over:
            return
        await bench.die()
        if chaos.draw.random() < 0.5:
            # Days pass: nothing is on its way any more, and the TTL policy runs.
            await chaos.proxy.settled()
            await store.sweep()
        bench.start()
