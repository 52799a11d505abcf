"""How well hundreds of replicas are used: `make bench-fleet`.

    PYTHONPATH=bench python -m fleet [--replicas 500] [--seconds 6] [--picture FILE]

The gateway's dispatcher and the extractor's inbox are the real ones; time, network and model are
simulated, so that one core can have five hundred replicas. Beside them: round robin, random, and
the better of two at random, which send each article at once. Each line is one scenario and one way:

    utilisation   work done, of what the replicas that were there could do
    p50 p95 p99   of the time from an article's arrival until its extraction begins, milliseconds
    decisions     the balancer's processor time for each article, microseconds, on this machine

Where one stream is greedy, the times are those of the others.

An article has 3 kB in the mean, spread as in real news; a replica reads 660 kB a second, as the
fast path does.
"""

import argparse
import itertools
import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from newstally_gateway.core.tasks import Task

from fleet.balancing import (
    Balancer,
    Dispatched,
    Simple,
    at_random,
    better_of_two,
    round_robin,
)
from fleet.picture import draw
from fleet.replicas import Replica
from fleet.virtual import Clock

BYTES_PER_SECOND = 660_000.0
MEDIAN_BYTES, SPREAD, MOST_BYTES = 2_540.0, 0.55, 1_000_000
MEAN_BYTES = 2_960.0
STREAMS = 40
WARM_UP = 0.4
"""The part of the time that is not measured."""
BACK_SECONDS = 1.0
"""A replica that died is back after this."""
WAYS = ("dispatcher", "round robin", "random", "better of two")


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the replicas are like, and what comes."""

    name: str
    load: float
    """Bytes that come, of what the replicas can do."""
    speeds: tuple[float, ...] = (1.0,)
    """Of the replicas, in turns."""
    long_part: float = 0.0
    """Part of the articles that has 200 kB."""
    deaths: float = 0.0
    """Part of the replicas that dies each second."""
    greedy: float = 0.0
    """Part of all articles that one stream sends."""
    gateways: int = 1


SCENARIOS = (
    Scenario("steady", 0.8),
    Scenario("nearly full", 0.95),
    Scenario("of different speeds", 0.8, speeds=(0.5, 1.0, 1.5)),
    Scenario("long articles", 0.8, long_part=0.002),
    Scenario("replicas come and go", 0.8, deaths=0.05),
    Scenario("ten gateways", 0.8, gateways=10),
    Scenario("too much, one stream greedy", 1.3, greedy=0.5),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it."""

    utilisation: float
    waiting: tuple[float, float, float]
    decision_seconds: float

    def __str__(self) -> str:
        p50, p95, p99 = (f"{1000 * seconds:8.1f}" for seconds in self.waiting)
        return (
            f"{self.utilisation:8.1%} | {p50} | {p95} | {p99} | {1e6 * self.decision_seconds:8.1f}"
        )


def simulate(scenario: Scenario, way: str, count: int, seconds: float, seed: int) -> Outcome:
    """Run one scenario one way."""
    draw = random.Random(seed)
    clock = Clock()
    waits: list[float] = []
    answered = 0
    measured_from = WARM_UP * seconds

    def began(task: Task, when: float) -> None:
        nonlocal answered
        answered += 1
        # The greedy stream is the first.
        if task.admitted_at >= measured_from and not (scenario.greedy and task.stream == 0):
            waits.append(when - task.admitted_at)

    gateways = [_gateway(way, clock, began, draw, scenario) for _ in range(scenario.gateways)]
    speeds = [scenario.speeds[n % len(scenario.speeds)] for n in range(count)]
    replicas = [Replica(clock, n, BYTES_PER_SECOND * speed) for n, speed in enumerate(speeds)]
    for gateway, replica in itertools.product(gateways, replicas):
        gateway.up(replica)
    _arrivals(scenario, clock, gateways, draw, sum(speeds) * BYTES_PER_SECOND)
    lost = _deaths(scenario, clock, gateways, replicas, draw)
    clock.run(measured_from)
    before = sum(map(_busy, replicas))
    lost_before = lost()
    clock.run(seconds)
    there = count * (seconds - measured_from) - (lost() - lost_before)
    cuts = statistics.quantiles(waits, n=100, method="inclusive")
    return Outcome(
        (sum(map(_busy, replicas)) - before) / there,
        (cuts[49], cuts[94], cuts[98]),
        sum(gateway.processor_seconds for gateway in gateways) / answered,
    )


def _busy(replica: Replica) -> float:
    return replica.busy_seconds


def _gateway(
    way: str,
    clock: Clock,
    began: Callable[[Task, float], None],
    draw: random.Random,
    scenario: Scenario,
) -> Balancer:
    match way:
        case "round robin":
            return Simple(clock, began, round_robin())
        case "random":
            return Simple(clock, began, at_random(draw))
        case "better of two":
            return Simple(clock, began, better_of_two(draw))
        case _:
            return Dispatched(clock, began, scenario.gateways)


def _arrivals(
    scenario: Scenario,
    clock: Clock,
    gateways: list[Balancer],
    draw: random.Random,
    bytes_per_second: float,
) -> None:
    mean = MEAN_BYTES * (1 - scenario.long_part) + 200_000 * scenario.long_part
    rate = scenario.load * bytes_per_second / mean
    offsets = [itertools.count() for _ in range(STREAMS)]

    def arrive() -> None:
        stream = 0 if draw.random() < scenario.greedy else draw.randrange(STREAMS)
        size = int(min(MOST_BYTES, draw.lognormvariate(0, SPREAD) * MEDIAN_BYTES))
        if draw.random() < scenario.long_part:
            size = 200_000
        offset = next(offsets[stream])
        task = Task(stream, offset, "", "", "", max(1, size), admitted_at=clock.now)
        gateways[stream % len(gateways)].add(task)
        clock.after(draw.expovariate(rate), arrive)

    clock.at(0.0, arrive)


def _deaths(
    scenario: Scenario,
    clock: Clock,
    gateways: list[Balancer],
    replicas: list[Replica],
    draw: random.Random,
) -> Callable[[], float]:
    """Let replicas die and come back; return how many seconds of theirs are lost so far."""
    away: dict[int, float] = {}
    lost = 0.0

    def die() -> None:
        clock.after(draw.expovariate(scenario.deaths * len(replicas)), die)
        replica = draw.choice([each for each in replicas if each.name not in away])
        for gateway in gateways:
            gateway.down(replica)
        replica.die()
        away[replica.name] = clock.now
        clock.after(BACK_SECONDS, lambda: back(replica))

    def back(replica: Replica) -> None:
        nonlocal lost
        lost += clock.now - away.pop(replica.name)
        for gateway in gateways:
            gateway.up(replica)

    if scenario.deaths:
        clock.after(draw.expovariate(scenario.deaths * len(replicas)), die)
    return lambda: lost + sum(clock.now - since for since in away.values())


def runs(count: int, seconds: float, seed: int) -> Iterator[tuple[Scenario, str, Outcome]]:
    """Run everything."""
    for scenario in SCENARIOS:
        for way in WAYS:
            yield scenario, way, simulate(scenario, way, count, seconds, seed)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(prog="make bench-fleet")
    parser.add_argument("--replicas", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--picture", type=Path, help="an .svg to draw the 99th percentiles in")
    options = parser.parse_args()
    print("| scenario | way | utilisation | p50 ms | p95 ms | p99 ms | decisions µs |")
    print("|---|---|---:|---:|---:|---:|---:|")
    rows = []
    for scenario, way, outcome in runs(options.replicas, options.seconds, options.seed):
        print(f"| {scenario.name} | {way} | {outcome} |", flush=True)
        rows.append((scenario.name, way, 1000 * outcome.waiting[2]))
    if options.picture:
        title = f"An article's waiting, 99th percentile, {options.replicas} replicas"
        options.picture.write_text(draw(rows, title))


if __name__ == "__main__":
    main()
