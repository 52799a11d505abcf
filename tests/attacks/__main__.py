"""`make attacks`: every attack of the catalogue, beside an innocent upload.

    ATTACKS_FLAGS="--only calls --seconds 8" make attacks
    ATTACKS_FLAGS="--write docs/guarantees.md" make attacks

The last line is

    attacks=N exact=N kept_min=XX% rss_max=XXX

N attacks; in how many the innocent's tallies were exact; the least share of its throughput that it
kept, against a process that burns a core at the same priority; the gateway's memory at its peak, in
megabytes. The exit code is 0 only if every attack met its goal.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from attacks import calls, connections, frames, links, streams, texts  # noqa: F401 - the catalogue
from attacks.attacking import CATALOGUE, Attack
from attacks.suite import Outcome, Suite
from newstally import Article
from support.processes import REPOSITORY
from support.trio import Trio

BURNS_EVERY = 6
"""Attacks between two measurements of what is left beside a burner: machines drift."""
TRIES = 3
"""How often an attack is made that misses its share, beside new burners: the median counts."""
ARTICLES = 40
HEADING = (
    "| attack | kind | exact | kept | goal | MB | back after |",
    "|---|---|---|---|---|---|---|",
)
MARKS = ("<!-- written by make attacks -->", "<!-- end -->")
"""Around the table in a page."""


def main() -> int:
    """Run the attacks and print a table."""
    parser = argparse.ArgumentParser(prog="make attacks")
    parser.add_argument("--only", default="", help="names or kinds, separated by commas")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--write", type=Path, help="a page that gets the table between its marks")
    options = parser.parse_args()
    wanted = set(filter(None, options.only.split(",")))
    attacks = [
        attack for attack in CATALOGUE.values() if not wanted or {attack.name, attack.kind} & wanted
    ]
    outcomes = asyncio.run(run(attacks, options.seconds, options.seed))
    total = (
        f"attacks={len(outcomes)} exact={sum(outcome.exact for outcome in outcomes)}"
        f" kept_min={min(outcome.kept for outcome in outcomes):.0%}"
        f" rss_max={max(outcome.megabytes for outcome in outcomes)}"
    )
    if options.write:
        write(options.write, [*HEADING, *map(row, outcomes), "", f"`{total}`"])
    print(total)
    return 0 if all(outcome.good for outcome in outcomes) else 1


async def run(attacks: list[Attack], seconds: float, seed: int) -> list[Outcome]:
    """Run the attacks on a trio of their own."""
    outcomes = []
    with (
        tempfile.TemporaryDirectory() as directory,
        Trio(
            Path(directory),
            extractors=1,
            extractor_flags=(),
            persister_flags=("--flush-age", "0.2"),
        ) as trio,
    ):
        suite = Suite(trio, sample(), seconds, seed)
        await suite.prepare()
        print("\n".join(HEADING), flush=True)
        for number, attack in enumerate(attacks):
            if not number % BURNS_EVERY:
                await suite.burn()
            outcome = await run_one(suite, attack)
            outcomes.append(outcome)
            print(row(outcome), flush=True)
    return outcomes


async def run_one(suite: Suite, attack: Attack) -> Outcome:
    """Make an attack; make it again if it misses its share, which may be the machine's doing."""
    tries = [await suite.run(attack)]
    while tries[0].kept < attack.share and len(tries) < TRIES:
        await suite.burn()
        tries.append(await suite.run(attack))
    tries.sort(key=lambda outcome: outcome.kept)
    return replace(
        tries[len(tries) // 2],
        exact=all(outcome.exact for outcome in tries),
        megabytes=max(outcome.megabytes for outcome in tries),
        back_seconds=max(outcome.back_seconds for outcome in tries),
    )


def row(outcome: Outcome) -> str:
    """Return a row of the table."""
    attack = outcome.attack
    name = attack.name.replace("_", " ")
    return (
        f"| {name} | {attack.kind} | {'yes' if outcome.exact else '**no**'} |"
        f" {outcome.kept:.0%} | {attack.share:.0%} | {outcome.megabytes} |"
        f" {outcome.back_seconds:.1f} s |"
    )


def write(page: Path, lines: list[str]) -> None:
    """Put the lines between the marks of a page."""
    before, begin, rest = page.read_text().partition(MARKS[0])
    _, end, after = rest.partition(MARKS[1])
    page.write_text("\n".join([before + begin, *lines, end + after]))


def sample() -> list[Article]:
    """Return articles of the sample."""
    lines = (REPOSITORY / "sample" / "articles.jsonl").read_text().splitlines()[:ARTICLES]
    return [Article("", json.loads(line)["content"]) for line in lines]


if __name__ == "__main__":
    sys.exit(main())
