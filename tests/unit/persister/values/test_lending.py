"""Limits are shared among gateways, and never more than them."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from newstally_persister.values.lending import GATEWAYS_LIMIT, LEASE_SECONDS, Lender

LIMIT = 100.0
GATEWAYS = st.sampled_from(("a", "b", "c"))


class Shares(RuleBasedStateMachine):
    """Gateways ask, answers come late or get lost, the persister starts anew."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.lender = Lender(0.0)
        self.held: dict[str, tuple[float, float]] = {}

    def share(self, gateway: str) -> float:
        share, until = self.held.get(gateway, (0.0, 0.0))
        return share if self.now < until else 0.0

    @rule(gateway=GATEWAYS, demand=st.floats(0, 200), delay=st.floats(0, 2), lost=st.booleans())
    def ask(self, gateway: str, demand: float, delay: float, lost: bool) -> None:
        asked_at, held = self.now, self.share(gateway)
        self.now += delay
        share = self.lender.lend("k", gateway, LIMIT, demand, held, self.now, whole=False)
        if not lost:
            self.held[gateway] = (share, asked_at + LEASE_SECONDS)
        # else it keeps what it had, until that ends

    @rule(seconds=st.floats(0, 4))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin_anew(self) -> None:
        self.lender = Lender(self.now)

    @rule(gateway=GATEWAYS)
    def die(self, gateway: str) -> None:
        self.held.pop(gateway, None)

    @invariant()
    def never_more_than_the_limit(self) -> None:
        assert sum(map(self.share, ("a", "b", "c"))) <= LIMIT * (1 + 1e-9)


TestShares = Shares.TestCase
TestShares.settings = settings(max_examples=200, stateful_step_count=30)


class Gateways:
    """Some that ask every second, and hear every answer."""

    def __init__(self) -> None:
        self.lender = Lender(0.0)
        self.now = 10.0
        self.held: dict[str, float] = {}

    def ask(self, **demands: float) -> dict[str, float]:
        for _ in range(4):
            self.now += 1.0
            for gateway, demand in demands.items():
                held = self.held.get(gateway, 0.0)
                self.held[gateway] = self.lender.lend(
                    "k", gateway, LIMIT, demand, held, self.now, whole=False
                )
        return self.held


def test_shares_follow_what_is_wanted() -> None:
    """Within a few rounds; what nobody wants is lent all the same, for what comes next."""
    gateways = Gateways()
    assert gateways.ask(a=1_000.0, b=10.0) == {"a": 90.0, "b": 10.0}
    assert gateways.ask(a=1_000.0, b=1_000.0) == {"a": 50.0, "b": 50.0}
    assert gateways.ask(a=10.0, b=10.0) == {"a": 50.0, "b": 50.0}
    del gateways.held["b"]  # it dies
    assert gateways.ask(a=1_000.0) == {"a": 100.0}


def test_a_gateway_that_hears_nothing_keeps_what_it_has() -> None:
    """So others get no more, until its share ends."""
    gateways = Gateways()
    gateways.ask(a=1_000.0, b=0.0)
    assert gateways.held == {"a": 100.0, "b": 0.0}
    lender, now = gateways.lender, gateways.now + 1
    lender.lend("k", "a", LIMIT, 0.0, 100.0, now, whole=False)  # its answer is lost
    for later in (0.0, LEASE_SECONDS - 0.1):
        assert lender.lend("k", "b", LIMIT, 1_000.0, 0.0, now + later, whole=False) == 0.0
    now += LEASE_SECONDS
    assert lender.lend("k", "b", LIMIT, 1_000.0, 0.0, now, whole=False) == 100.0


def test_things_that_are_whole_go_to_who_comes_first() -> None:
    """As many as are wanted, and those that are left to the next."""
    lender = Lender(0.0)
    for gateway, demand, expected in (("a", 2.0, 2.0), ("b", 5.0, 1.0), ("c", 1.0, 0.0)):
        assert lender.lend("k", gateway, 3.0, demand, 0.0, 10.0, whole=True) == expected
    for held in (2.0, 0.0):  # it hears of it, and says so
        assert lender.lend("k", "a", 3.0, 0.0, held, 11.0, whole=True) == 0.0
    assert lender.lend("k", "c", 3.0, 1.0, 0.0, 11.0, whole=True) == 1.0


def test_a_new_process_confirms_what_is_held_and_lends_no_more() -> None:
    """Until what it does not know of has ended."""
    lender = Lender(50.0)
    assert lender.lend("k", "a", LIMIT, 1_000.0, 30.0, 50.0, whole=False) == 30.0
    assert lender.lend("k", "b", LIMIT, 1_000.0, 0.0, 51.0, whole=False) == 0.0
    assert lender.lend("k", "b", LIMIT, 1_000.0, 0.0, 50.0 + LEASE_SECONDS, whole=False) == 100.0


def test_made_up_gateways_get_no_more_than_their_number() -> None:
    """The table is bounded."""
    lender = Lender(0.0)
    for number in range(GATEWAYS_LIMIT):
        lender.lend("k", f"g{number}", LIMIT, 1.0, 0.0, 10.0, whole=False)
    assert lender.lend("k", "one more", LIMIT, 1.0, 0.0, 10.0, whole=False) == 0.0
