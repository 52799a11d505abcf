"""Runs seeds: `python -m simulation --seed 7 --trace`, with `tests` on the PYTHONPATH."""

import argparse
import sys
import time

from simulation.running import Met, find_failures


def main() -> None:
    """Run what the command line asks for; say which seeds failed, and how much was done."""
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=1, help="how many seeds, upwards")
    parser.add_argument("--trace", action="store_true", help="print what happens")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + options.seeds)
    began = time.perf_counter()
    met = Met()
    failures = 0
    for failure in find_failures(seeds, met=met, write=print if options.trace else None):
        print(failure, flush=True)
        failures += 1
    seconds = time.perf_counter() - began
    print(
        f"{len(seeds)} seeds, {failures} failed, {met.events} events, {seconds:.0f} seconds: "
        f"{met.events / len(seeds):.0f} events per seed, {len(seeds) / seconds:.1f} seeds/s"
    )
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
