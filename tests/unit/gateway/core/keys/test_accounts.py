"""Accounts: no more than the shares, slowed evenly, and nothing once a share has ended."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_gateway.core.keys.accounts import (
    BURST_SECONDS,
    LONGEST_WAIT_SECONDS,
    Account,
    Amounts,
    Bucket,
)


def let_in(account: Account, size: int, seconds: float, begin: float = 0.0) -> int:
    """Send as much as is let in; return how many articles that is."""
    now, articles = begin, 0
    while now < begin + seconds:
        wait = account.wait_seconds(now)
        if wait == 0:
            account.let_in(size)
            articles += 1
        else:
            now += wait
    return articles


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (Amounts(articles=10.0), 100),
        (Amounts(bytes=5_000.0), 50),
        (Amounts(articles=10.0, bytes=100_000.0), 100),
        (Amounts(articles=10.0, bytes=2_000.0), 20),
    ],
)
def test_a_rate_is_kept(limits: Amounts, expected: int) -> None:
    """Over ten seconds, at most a second's worth and one article more."""
    account = Account(limits, 0.0)
    account.lend(limits, float("inf"), 0.0)
    assert expected <= let_in(account, 1_000, 10.0) <= expected * 1.1 + 1


@given(st.lists(st.tuples(st.floats(0.01, 3.0), st.floats(0.0, 20.0)), min_size=1, max_size=20))
def test_whatever_is_lent_no_more_is_taken(lent: list[tuple[float, float]]) -> None:
    """Shares that change are added up, and what is saved is a second's worth of the highest."""
    bucket, now, allowed, taken = Bucket(0.0), 0.0, 0.0, 0
    for seconds, share in lent:
        bucket.lend(share, now + seconds, now)
        allowed += share * seconds
        end = now + seconds
        while now < end:
            wait = bucket.wait_seconds(now)
            if wait == 0:
                bucket.take(1)
                taken += 1
            now += wait
        now = max(now, end)
    assert taken <= allowed + max(share for _, share in lent) * BURST_SECONDS + 1 + 1e-6


def test_a_share_that_ended_is_nothing() -> None:
    """Until it is renewed, nothing is let in; nobody sleeps for long meanwhile."""
    account = Account(Amounts(articles=100.0), 0.0)
    account.lend(Amounts(articles=100.0), 2.0, 0.0)
    assert let_in(account, 1, 2.0) >= 200
    assert let_in(account, 1, 60.0, begin=2.0) == 0
    assert 0 < account.wait_seconds(70.0) <= LONGEST_WAIT_SECONDS
    account.lend(Amounts(articles=100.0), 80.0, 70.0)
    assert let_in(account, 1, 1.0, begin=70.0) >= 90


def test_what_an_extractor_took_is_paid_afterwards() -> None:
    """The debt holds up what comes next."""
    account = Account(Amounts(extractor_seconds=0.5), 0.0)
    account.lend(Amounts(extractor_seconds=0.5), float("inf"), 0.0)
    assert account.wait_seconds(0.0) == 0
    account.spend(2_000_000)
    now = 0.0
    while (wait := account.wait_seconds(now)) > 0:
        now += wait
    assert now == pytest.approx(4.0, abs=0.01)


def test_it_asks_for_what_it_uses_and_for_all_when_it_is_short() -> None:
    """So that shares go where articles are."""
    account = Account(Amounts(articles=100.0, streams=3), 0.0)
    account.lend(Amounts(articles=100.0), float("inf"), 0.0)
    for number in range(10):
        assert account.wait_seconds(number / 10) == 0
        account.let_in(1)
    account.streams = 5
    demand, held = account.ask(1.0)
    assert demand == Amounts(articles=12.5, streams=3.0)
    assert held.articles == 100.0
    account.lend(Amounts(articles=1.0), float("inf"), 1.0)
    let_in(account, 1, 3.0, begin=1.0)
    assert account.ask(4.0)[0].articles == 100.0


def test_slots_are_whole_and_end() -> None:
    """Streams beyond them are not open."""
    account = Account(Amounts(streams=2), 0.0)
    assert not account.has_slot(0.0)
    account.lend(Amounts(streams=2.0), 5.0, 0.0)
    for streams, expected in ((1, True), (2, True), (3, False)):
        account.streams = streams
        assert account.has_slot(1.0) is expected
    account.streams = 1
    assert not account.has_slot(5.0)


def test_who_was_idle_has_saved_no_more_than_a_second() -> None:
    """However long that was."""
    limits = Amounts(articles=100.0)
    account = Account(limits, 0.0)
    account.lend(limits, float("inf"), 0.0)
    let_in(account, 1, 5.0)
    assert let_in(account, 1, 1.0, begin=500.0) <= 201
    account.lend(limits, float("inf"), 600.0)
    assert let_in(account, 1, 0.5, begin=1_000.0) <= 151
