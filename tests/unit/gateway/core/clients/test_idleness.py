"""Which stream makes room for a new one."""

import pytest
from newstally_gateway.core.clients.idleness import pick_idle


@pytest.mark.parametrize(
    ("streams", "picked"),
    [
        ([], None),
        ([("a", 90.0), ("b", 89.0), ("c", 90.0)], "b"),
        ([("a", None), ("b", 50.0)], "b"),
        ([("a", None)], None),
        ([("a", 90.1)], None),
        ([("a", 90.0)], "a"),
    ],
)
def test_the_one_idle_longest_makes_room(
    streams: list[tuple[str, float | None]], picked: str | None
) -> None:
    """Never one with work under way, nor one that was quiet for less than ten seconds."""
    assert pick_idle(streams, 100.0, 10.0) == picked
