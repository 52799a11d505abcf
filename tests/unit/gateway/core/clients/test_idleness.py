"""Which stream makes room for a new one."""

import pytest
from newstally_gateway.core.clients.idleness import Standing, pick_idle


@pytest.mark.parametrize(
    ("standings", "picked"),
    [
        ([], None),
        ([Standing("a", False, 90.0), Standing("b", False, 89.0), Standing("c", False, 90.0)], "b"),
        ([Standing("a", True, 0.0), Standing("b", False, 50.0)], "b"),
        ([Standing("a", True, 0.0)], None),
        ([Standing("a", False, 90.1)], None),
        ([Standing("a", False, 90.0)], "a"),
    ],
)
def test_the_one_idle_longest_makes_room(standings: list[Standing], picked: str | None) -> None:
    """Never one with work under way, nor one that was quiet for less than ten seconds."""
    assert pick_idle(standings, 100.0, 10.0) == picked
