"""What rises: the measure keeps what it says of itself."""

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.rising import Change, most, rise

COUNTS = st.integers(0, 400)
TOTALS = st.integers(1, 100_000)


@st.composite
def changes(draw: st.DrawFn) -> Change:
    articles, base = draw(COUNTS), draw(COUNTS)
    if not articles + base:
        articles = 1
    mentions = articles + draw(st.integers(0, 5 * articles))
    return Change(mentions, articles, base + draw(st.integers(0, 5 * base)), base)


@given(changes(), TOTALS, TOTALS)
def test_the_bound_is_finite_and_below_the_estimate(change: Change, now: int, then: int) -> None:
    """Whatever the counts: something new has a number, nothing has a negative one."""
    found = rise(change, now, then)
    assert 0 <= found.at_least <= found.times < float("inf")


@given(changes(), TOTALS, TOTALS)
def test_nothing_rises_both_ways(change: Change, now: int, then: int) -> None:
    """With the periods changed for each other, what rose has not."""
    back = Change(*change[2:], *change[:2])
    assert not (rise(change, now, then).at_least > 1 and rise(back, then, now).at_least > 1)


@given(changes(), TOTALS, TOTALS, st.integers(2, 9))
def test_clumps_are_no_evidence(change: Change, now: int, then: int, clump: int) -> None:
    """If each article mentioned it several times as often, nothing would be surer."""
    mentions, articles, base_mentions, base_articles = change
    clumped = Change(clump * mentions, articles, clump * base_mentions, base_articles)
    assert rise(clumped, now, then) == pytest.approx(rise(change, now, then))


@given(st.integers(1, 300), st.integers(0, 300), TOTALS, TOTALS)
def test_one_more_article_raises_and_one_more_before_lowers(
    articles: int, base: int, now: int, then: int
) -> None:
    """The order of the list follows the evidence."""
    here = rise(Change(articles, articles, base, base), now, then).at_least
    more = rise(Change(articles + 1, articles + 1, base, base), now, then).at_least
    before = rise(Change(articles, articles, base + 1, base + 1), now, then).at_least
    assert before <= here <= more
    assert here < more or not here


@given(st.integers(1, 200), st.integers(0, 200), TOTALS, TOTALS, st.integers(2, 20))
def test_more_of_the_same_is_surer(
    articles: int, base: int, now: int, then: int, factor: int
) -> None:
    """The same rates from several times as many articles have a higher bound."""
    few = rise(Change(articles, articles, base, base), now, then)
    many = rise(
        Change(factor * articles, factor * articles, factor * base, factor * base),
        factor * now,
        factor * then,
    )
    assert many.at_least >= few.at_least


@given(changes(), st.integers(1, 1_000), st.integers(1, 1_000), st.integers(2, 50))
def test_rates_are_per_article(change: Change, now: int, then: int, factor: int) -> None:
    """So many times as many articles with as many mentions: the rate is as many times lower."""
    usual, crowded = rise(change, now, then), rise(change, factor * now, then)
    assert crowded.times == pytest.approx(usual.times / factor)
    assert crowded.at_least == pytest.approx(usual.at_least / factor)


@given(changes(), TOTALS, TOTALS)
def test_no_entity_is_above_its_most(change: Change, now: int, then: int) -> None:
    """Whoever has read all entities with more mentions may stop there."""
    if change.mentions:
        assert rise(change, now, then).at_least <= most(change.mentions, now, then) + 1e-9


@pytest.mark.parametrize("total", [1, 3, 4, 7, 15, 40, 200])
@pytest.mark.parametrize("part", [0.02, 0.1, 0.2, 0.5, 0.8])
def test_what_did_not_rise_seldom_seems_to(total: int, part: float) -> None:
    """Exactly: of all ways in which `total` articles fall into the periods, one in twenty or so."""
    now, then = round(1_000 * part), round(1_000 * (1 - part))
    wrong = sum(
        comb(total, count) * part**count * (1 - part) ** (total - count)
        for count in range(1, total + 1)
        if rise(Change(count, count, total - count, total - count), now, then).at_least > 1
    )
    assert wrong <= 0.06


def test_the_order_is_what_a_reader_expects() -> None:
    """100 articles in the week, 400 in the four weeks before."""
    new_often = rise(Change(60, 20, 0, 0), 100, 400)
    new_twice = rise(Change(2, 2, 0, 0), 100, 400)
    doubled = rise(Change(100, 50, 200, 100), 100, 400)
    steady = rise(Change(100, 50, 400, 200), 100, 400)
    one_portrait = rise(Change(42, 3, 12, 12), 100, 400)
    order = [new_often, doubled, steady, one_portrait]
    assert [found.at_least for found in order] == sorted(
        (found.at_least for found in order), reverse=True
    )
    assert new_often.at_least > 10
    assert new_twice.times > doubled.times, "a mere ratio would put it first"
    assert 1.4 < doubled.at_least < 2 < doubled.times + 0.02
    assert steady.at_least < 1
    assert one_portrait.times > 2, "mentions of three articles, one of which has forty"
    assert one_portrait.at_least < 1
