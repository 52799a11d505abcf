"""The promise, under every fault that the simulation knows, seed by seed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from simulation.running import Met, find_failures
from simulation.world import World

SEEDS = 2_000
CHUNK = 50
TROUBLES = {
    "a batch does not follow what is recorded",
    "a batch is cut anew",
    "a client reads too slowly",
    "a client skips what others sent",
    "a flush is left open",
    "a flush is taken up again after a crash",
    "a part is voided",
    "a row cannot be set aside",
    "a row is set aside",
    "a void is taken up again after a crash",
    "all is flushed",
    "a gateway does not read its Started",
    "a link ends in good order with articles on it",
    "a link is retired",
    "a link runs out of time",
    "a part comes again",
    "a stream ends: CROWDED",
    "a stream ends: DRAINING",
    "a stream ends: GAP",
    "a stream ends: IDLE",
    "a stream ends: INVALID",
    "a stream ends: PERSISTER",
    "a stream ends: SILENT",
    "a stream is refused while an article waits for memory",
    "an answer means nothing",
    "an attempt at a refused part comes late",
    "an article dies alone",
    "an article goes to a second link",
    "an article is handed back",
    "an article is withdrawn in time",
    "an article is given up",
    "an article is settled elsewhere before its outcome is known",
    "an article is settled elsewhere while it waits for memory",
    "an article waits for memory",
    "several batches in one transaction",
    "the journal's disk is full",
    "the persister dies at a statement",
    "the persister hangs",
    "the sink dies at a statement",
    "the sink refuses a part",
    "the sink's disk is full",
    "what is set aside is tried again",
}


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_every_article_is_counted_exactly_once(
    first: int, record_property: Callable[[str, object], None]
) -> None:
    """Whatever fails and comes back, nothing acknowledged is lost, nothing counted twice."""
    record_property("seeds", CHUNK)
    failures = list(find_failures(range(first, first + CHUNK)))
    assert not failures, "\n".join(map(str, failures))


def test_meets_every_trouble() -> None:
    """The first seeds meet everything that makes exactly-once hard, more than once."""
    met = Met()
    assert not list(find_failures(range(500), met=met))
    assert {what for what, times in met.seen.items() if times > 1} >= TROUBLES


def test_replays() -> None:
    """A seed stands for the same run in another process, whatever its hashes are."""
    lines: list[str] = []
    World(2, write=lines.append).run()
    again = subprocess.run(
        [sys.executable, "-m", "simulation", "--seed", "2", "--trace"],
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": _path()},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert again.stdout.splitlines()[:-1] == lines


def _path() -> str:
    return os.pathsep.join(
        filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])
    )
