"""The benchmarks run, on the sample articles and briefly, and end with what they promise.

What they measure is for a quiet machine; here it is only that both sides agree.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

from support.processes import REPOSITORY

SAMPLE = REPOSITORY / "sample" / "articles.jsonl"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def last_line(script: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, str(REPOSITORY / "bench" / script), *arguments],
        check=True,
        env={**os.environ, **ONE_THREAD},
        stdout=subprocess.PIPE,
        text=True,
        timeout=500,
    )
    return done.stdout.splitlines()[-1]


def test_the_extraction() -> None:
    """`make bench-extract`: all articles have the same entities on both paths."""
    few = ("--count", "20", "--warm", "20", "--rounds", "1")
    line = last_line("extract.py", "--articles", str(SAMPLE), *few)
    assert re.fullmatch(r"fast/stock=\d+\.\d\d equal=20/20", line)


def test_the_pipeline() -> None:
    """`make bench`: the trio counts what nlp.pipe counts."""
    line = last_line("pipeline.py", str(SAMPLE), "--count", "20", "--rounds", "1")
    assert re.fullmatch(r"newstally/nlp\.pipe=\d+\.\d\d overhead=\d+\.\d% equal=yes", line)


def test_the_memory(tmp_path: Path) -> None:
    """`make bench-memory`: prints how much it grows, and draws the curve."""
    picture = tmp_path / "memory.svg"
    line = last_line("memory.py", "--articles", "640", "--picture", str(picture))
    assert re.fullmatch(r"growth=\d+ MB peak=\d+ MB", line)
    assert picture.read_text().startswith("<svg")


def test_the_stages() -> None:
    """`bench/stages.py`: the shares of the stages."""
    line = last_line("stages.py", "--articles", str(SAMPLE), "--count", "20")
    assert re.fullmatch(r"bare products: \d+\.\d+ us a token, \d+ % of the whole", line)


def test_the_client() -> None:
    """`make bench-client`: every way settles all articles."""
    line = last_line("client.py", "--articles", "300", "--rounds", "1")
    assert re.fullmatch(
        r"bare=\d+/s library=\d+/s command=\d+/s library/bare=\d+\.\d\d goal=5000/s", line
    )


def test_what_it_costs_to_be_observed() -> None:
    """`make bench-observing`: one side counts and sends spans, the other does neither."""
    line = last_line("observing.py", str(SAMPLE), "--count", "100", "--rounds", "1")
    share = r"[+-]\d+\.\d%"
    pattern = rf"gateway={share} extractor={share} persister={share} all={share} spans=\d+"
    assert re.fullmatch(pattern, line)
