"""The simulation can fail: it finds faults that were planted."""

import pytest
from simulation.faults import PLANTED
from simulation.link_faults import LINK_FAULTS
from simulation.running import find_failures

SEEDS = 600
FAULTS = {**PLANTED, **LINK_FAULTS}


@pytest.mark.parametrize("fault", FAULTS)
def test_finds_a_planted_fault(fault: str) -> None:
    """One of the first seeds fails when the fault is there; without it none does."""
    failure = next(find_failures(range(SEEDS), FAULTS[fault]), None)
    assert failure is not None, f"no seed below {SEEDS} notices a system that {fault}"
    print(f"{fault}: {failure}")
