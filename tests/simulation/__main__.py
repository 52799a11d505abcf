"""Runs seeds: `python -m simulation --seed 7 --trace`, with `tests` on the PYTHONPATH."""

import argparse
import time

from simulation.world import World


def main() -> None:
    """Run what the command line asks for; end with an error at the first seed that fails."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, upwards")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    options = parser.parse_args()
    began = time.perf_counter()
    steps = 0
    for seed in range(options.seed, options.seed + options.seeds):
        world = World(seed, write=print if options.trace else None)
        try:
            world.run()
        except BaseException:
            print(f"seed={seed}")
            raise
        steps += world.kernel.steps
    seconds = time.perf_counter() - began
    print(f"{options.seeds / seconds:.0f} seeds/s, {steps / options.seeds:.0f} steps per seed")


if __name__ == "__main__":
    main()
