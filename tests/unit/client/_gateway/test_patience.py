"""`give_up_after`: how long a client waits for anything to move."""

import pytest
from newstally import Article, GatewayUnavailable, GaveUp, NewstallyClient, RetryPolicy
from support.reference_gateway import ReferenceGateway


async def test_patience_can_end_when_nobody_answers() -> None:
    """Without a gateway, give_up_after ends the waiting with GaveUp; the cause is kept."""
    retry = RetryPolicy(first_delay=0.001, longest_delay=0.01, give_up_after=0.1)
    async with NewstallyClient("127.0.0.1:1", retry=retry) as client:
        with pytest.raises(GaveUp) as caught:
            await client.upload([])
    assert isinstance(caught.value.__cause__, GatewayUnavailable)


async def test_patience_can_end_when_nothing_settles() -> None:
    """Heartbeats alone are no progress: give_up_after holds for a stream that stays up, too."""
    retry = RetryPolicy(first_delay=0.001, longest_delay=0.01, give_up_after=0.2)
    async with (
        ReferenceGateway() as gateway,
        NewstallyClient(gateway.target, retry=retry) as client,
    ):
        gateway.paused = True
        with pytest.raises(GaveUp) as caught:
            await client.upload([Article("The Daily", "an article")])
    assert str(caught.value) == "nothing moved; last: no error"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan")])
def test_patience_must_be_above_nothing(seconds: float) -> None:
    """A policy that would give up before anything can move is a ValueError."""
    with pytest.raises(ValueError, match="give_up_after must be above 0"):
        RetryPolicy(give_up_after=seconds)
