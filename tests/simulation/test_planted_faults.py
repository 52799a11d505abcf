"""The simulation can fail: it finds faults that were planted."""

import pytest
from simulation.faults import PLANTED
from simulation.running import find_failures

SEEDS = 100


@pytest.mark.parametrize("fault", PLANTED)
def test_finds_a_planted_fault(fault: str) -> None:
    """One of the first seeds fails when the fault is there; without it none does."""
    failure = next(find_failures(range(SEEDS), PLANTED[fault]), None)
    assert failure is not None, f"no seed below {SEEDS} notices a gateway that {fault}"
    print(f"{fault}: {failure}")
