"""Runs seeds and says which of them fail, and how to see it again."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from simulation.disk import PowerCutError
from simulation.world import REAL, Machines, World


class Failure(NamedTuple):
    """A seed that failed."""

    seed: int
    error: BaseException

    def __str__(self) -> str:
        return (
            f"seed={self.seed}: {type(self.error).__name__}: {self.error}\n"
            f"  replay: PYTHONPATH=tests python -m simulation --seed {self.seed} --trace"
        )


def find_failures(
    seeds: Iterable[int], machines: Machines = REAL, seen: Counter[str] | None = None
) -> Iterator[Failure]:
    """Run the seeds, yield those that fail, add what was met to `seen`."""
    for seed in seeds:
        try:
            world = World(seed, machines)
            world.run()
        except (Exception, PowerCutError) as error:  # noqa: BLE001 - whatever it is, the seed failed
            yield Failure(seed, error)
        else:
            if seen is not None:
                seen.update(world.kernel.seen)
