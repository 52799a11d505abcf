"""Runs seeds and says which of them fail, and how to see it again."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
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


@dataclass
class Met:
    """What the seeds met, added up."""

    seen: Counter[str] = field(default_factory=Counter)
    events: int = 0


def find_failures(
    seeds: Iterable[int],
    machines: Machines = REAL,
    met: Met | None = None,
    write: Callable[[str], None] | None = None,
) -> Iterator[Failure]:
    """Run the seeds and yield those that fail; `write` gets the lines of the trace."""
    for seed in seeds:
        try:
            world = World(seed, machines, write)
            world.run()
        except (Exception, PowerCutError) as error:  # noqa: BLE001 - whatever it is, the seed failed
            yield Failure(seed, error)
        else:
            if met is not None:
                met.seen.update(world.kernel.seen)
                met.events += world.kernel.steps
