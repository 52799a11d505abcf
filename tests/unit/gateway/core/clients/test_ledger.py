import pytest
from newstally_gateway.core.clients.ledger import BatchLimits, Ledger, WentBackwardsError
from unit.gateway.core.builders import SEND_BYTES, counted, limits, refused


def admitted(count: int, next_offset: int = 0) -> Ledger:
    """Return a ledger whose article at offset o was charged 10 + o bytes."""
    ledger = Ledger(next_offset, limits())
    for offset in range(next_offset, next_offset + count):
        assert ledger.admit(offset, 10 + offset)
    return ledger


def frozen(count: int, further: int = 0) -> Ledger:
    """Return a ledger with a frozen batch of `count`, and `further` articles after it."""
    ledger = admitted(count + further)
    for offset in range(count):
        ledger.ready(offset, counted(), now=0.0)
    assert ledger.freeze(0.0, flush=True)
    return ledger


def test_results_in_any_order_make_a_contiguous_batch() -> None:
    """What waits for an earlier article is not in the batch."""
    ledger = admitted(5)
    for offset in (4, 1, 0, 2):
        ledger.ready(offset, counted(), now=0.0)
    batch = ledger.freeze(0.0, flush=True)
    assert batch is not None
    assert (batch.first_offset, batch.end_offset) == (0, 3)
    assert (ledger.unsettled, ledger.awaited) == (5, 1)


def test_a_batch_is_closed_by_age() -> None:
    """Age counts from when the oldest outcome joined the contiguous prefix."""
    ledger = admitted(2)
    ledger.ready(1, counted(), now=0.0)
    assert ledger.due(9.0) is None
    ledger.ready(0, counted(), now=10.0)
    assert ledger.due(10.0) == 10.25
    assert ledger.freeze(10.24) is None
    assert ledger.freeze(10.25) is not None


def test_a_batch_is_closed_by_bytes() -> None:
    """A full batch does not wait for its age, and stays below the limit."""
    ledger = admitted(3)
    for offset in range(3):
        ledger.ready(offset, counted(400), now=0.0)
    assert ledger.due(0.0) == 0.0
    batch = ledger.freeze(0.0)
    assert batch is not None
    assert (batch.end_offset, batch.size_bytes) == (2, 256 + 800)


def test_a_batch_is_never_closed_by_count() -> None:
    """However many small outcomes there are, a batch waits for its bytes or its age."""
    ledger = Ledger(0, limits(close_bytes=100_000))
    for offset in range(5000):
        ledger.admit(offset, 1)
        ledger.ready(offset, counted(1), now=0.0)
    assert ledger.freeze(0.24) is None


def test_an_outcome_over_the_limit_is_a_batch_of_its_own() -> None:
    """A result of 2 MB is recorded, in a message below the send limit."""
    ledger = Ledger(0, BatchLimits(send_bytes=SEND_BYTES))
    for offset in range(3):
        ledger.admit(offset, 1)
        ledger.ready(offset, counted(2_600_000 if offset == 1 else 10), now=0.0)
    sizes = []
    for end_offset in (1, 2, 3):
        batch = ledger.freeze(0.0, flush=True)
        assert batch is not None
        assert batch.end_offset == end_offset
        sizes.append(batch.size_bytes)
        ledger.answered(end_offset)
    assert max(sizes) < SEND_BYTES


def test_limits_that_cannot_hold_an_outcome_are_an_error() -> None:
    """Wrong configuration fails at start, not at the first long article."""
    with pytest.raises(ValueError):
        BatchLimits(send_bytes=1024 * 1024)
    with pytest.raises(ValueError):
        BatchLimits(send_bytes=SEND_BYTES, close_bytes=SEND_BYTES + 1)


def test_one_batch_is_frozen_at_a_time() -> None:
    """What becomes ready meanwhile waits for the answer, and the batch does not change."""
    ledger = frozen(2, further=1)
    batch = ledger.frozen
    ledger.ready(2, counted(5000), now=0.0)
    assert ledger.due(9.0) is None
    assert ledger.freeze(9.0, flush=True) is None
    assert ledger.frozen is batch
    ledger.answered(2)
    following = ledger.freeze(9.0)
    assert following is not None
    assert following.first_offset == 2


def test_second_outcomes_and_settled_ones_are_ignored() -> None:
    """An offset leaves with the outcome that came first, wherever it is by then."""
    ledger = admitted(4)
    first, second = counted(1), counted(2)
    for outcome in (first, second):
        ledger.ready(1, outcome, now=0.0)
        ledger.ready(0, outcome, now=0.0)
    batch = ledger.freeze(0.0, flush=True)
    assert batch is not None
    ledger.ready(0, second, now=0.0)
    assert batch.outcomes == (first, first)
    ledger.answered(2)
    ledger.ready(1, second, now=0.0)
    assert ledger.freeze(9.0, flush=True) is None


def test_an_outcome_for_an_article_that_was_never_admitted_is_an_error() -> None:
    """Nothing is counted that is not accounted for."""
    with pytest.raises(ValueError):
        admitted(2).ready(2, counted(), now=0.0)


def test_articles_are_admitted_in_order() -> None:
    """A gap is the caller's mistake; a settled offset is told, and its charge not kept."""
    ledger = admitted(1, next_offset=5)
    with pytest.raises(ValueError):
        ledger.admit(7, 1)
    ledger.answered(9)
    assert not ledger.admit(6, 1)
    assert ledger.admit(9, 1)


def test_answered_at_the_end_settles_the_batch() -> None:
    """All charges of the batch come back."""
    answer = frozen(3, further=2).answered(3)
    assert (answer.settled, answer.released_bytes, answer.overtaken) == (3, 33, False)


def test_answered_at_the_beginning_cuts_the_batch_anew() -> None:
    """Nothing was recorded: the same outcomes are due again, with what came meanwhile."""
    ledger = frozen(2, further=1)
    ledger.ready(2, counted(), now=9.0)
    answer = ledger.answered(0)
    assert (answer.settled, answer.released_bytes) == (0, 0)
    batch = ledger.freeze(9.0)
    assert batch is not None
    assert (batch.first_offset, batch.end_offset) == (0, 3)


def test_a_batch_that_is_cut_anew_keeps_its_age() -> None:
    """A batch that was flushed early need not be sent again before its time."""
    ledger = admitted(1)
    ledger.ready(0, counted(), now=10.0)
    assert ledger.freeze(10.0, flush=True)
    ledger.answered(0)
    assert ledger.due(10.0) == 10.25


def test_answered_inside_keeps_the_rest() -> None:
    """Another gateway recorded the first part: only what follows is recorded by this one."""
    ledger = frozen(4)
    answer = ledger.answered(3)
    assert (answer.settled, answer.released_bytes, answer.overtaken) == (3, 33, False)
    batch = ledger.freeze(9.0)
    assert batch is not None
    assert (batch.first_offset, batch.end_offset) == (3, 4)


def test_answered_beyond_drops_what_others_settled() -> None:
    """Ready, scattered and unfinished articles below the answer leave with their charges."""
    ledger = frozen(2, further=6)
    for offset in (2, 4, 6, 7):
        ledger.ready(offset, counted(offset), now=1.0)
    answer = ledger.answered(6)
    assert (answer.settled, answer.overtaken) == (6, True)
    assert answer.released_bytes == sum(10 + offset for offset in range(6))
    batch = ledger.freeze(9.0)
    assert batch is not None
    assert (batch.first_offset, batch.end_offset) == (6, 8)


def test_answered_beyond_without_unfinished_articles_overtakes_nothing() -> None:
    """There is nothing to discard when all that was settled had an outcome here."""
    ledger = frozen(1, further=2)
    for offset in (1, 2):
        ledger.ready(offset, counted(), now=0.0)
    assert not ledger.answered(3).overtaken


def test_answered_far_beyond_goes_on_from_there() -> None:
    """More was settled than ever came in here: the ledger is empty and ahead."""
    ledger = frozen(2, further=1)
    answer = ledger.answered(1000)
    assert (answer.settled, answer.released_bytes) == (1000, 33)
    assert (ledger.next_offset, ledger.end_offset, ledger.unsettled) == (1000, 1000, 0)
    assert ledger.admit(1000, 1)
    ledger.ready(1000, counted(), now=0.0)
    batch = ledger.freeze(0.25)
    assert batch is not None
    assert batch.first_offset == 1000


def test_going_backwards_is_an_error_that_changes_nothing() -> None:
    """The journal was replaced: the batch must not be cut anew from what it says now."""
    ledger = admitted(1, next_offset=5)
    ledger.ready(5, counted(), now=0.0)
    batch = ledger.freeze(9.0)
    with pytest.raises(WentBackwardsError) as caught:
        ledger.answered(4)
    assert (caught.value.next_offset, caught.value.known) == (4, 5)
    assert ledger.frozen is batch


def test_own_refusals_are_told_in_order_when_settled() -> None:
    """Each of this gateway's refusals is told once, whoever recorded the offset."""
    ledger = admitted(6)
    for offset in (5, 3, 1, 0):
        ledger.ready(offset, refused(offset), now=0.0)
    assert ledger.freeze(9.0)
    assert [r.offset for r in ledger.answered(1).refusals] == [0]
    assert [r.offset for r in ledger.answered(4).refusals] == [1, 3]
    assert [r.offset for r in ledger.answered(6).refusals] == [5]
