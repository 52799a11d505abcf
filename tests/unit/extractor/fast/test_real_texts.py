"""On real texts, too, the fast path finds what spaCy finds.

A sample by default; all of them, which takes an hour, with
`NEWSTALLY_TEXTS=all pytest -o faulthandler_timeout=0 tests/unit/extractor/fast/test_real_texts.py`.
The order of additions differs from spaCy's, so a decision between two moves of nearly the same
score may fall otherwise: in fewer than one text of 10,000.
"""

import gzip
import importlib.util
import json
import os
import random
from pathlib import Path

import pytest
import spacy
from newstally_extractor.fast import FastPipeline
from newstally_extractor.pipelines.entities import stock_entities
from spacy.language import Language
from support.processes import REPOSITORY

SHARED = Path(os.environ.get("NEWSTALLY_SHARED", REPOSITORY.parent / "shared"))
EVERYTHING = os.environ.get("NEWSTALLY_TEXTS") == "all"
SAMPLE_SIZE = 40
AT_ONCE = 100

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200 if EVERYTHING else 300)]


def _texts(files: list[Path], field: str) -> list[str]:
    if not files:
        pytest.skip(f"there are no texts in {SHARED}")
    packed = [gzip.decompress(file.read_bytes()).splitlines() for file in files]
    lines = [line for lines in packed for line in lines]
    if not EVERYTHING:
        lines = random.Random(5).sample(lines, SAMPLE_SIZE)
    return [json.loads(line)[field] for line in lines]


def _differing(nlp: Language, texts: list[str]) -> list[str]:
    fast = FastPipeline.from_nlp(nlp)
    differing = []
    for at in range(0, len(texts), AT_ONCE):
        some = texts[at : at + AT_ONCE]
        pairs = zip(some, fast.entities(some), stock_entities(nlp, some), strict=True)
        differing += [text for text, found, expected in pairs if found != expected]
    return differing


@pytest.fixture(scope="module")
def articles() -> list[str]:
    return _texts(sorted((SHARED / "articles").glob("*.jsonl.gz")), "content")


@pytest.fixture(scope="module")
def annotated() -> list[str]:
    return _texts(sorted((SHARED / "corpora").glob("*/*.jsonl.gz")), "text")


@pytest.fixture(scope="module")
def default_model() -> Language:
    if importlib.util.find_spec("en_newstally") is None:
        pytest.skip("the default model is not installed")
    return spacy.load("en_newstally")


def test_articles(nlp: Language, articles: list[str]) -> None:
    """Every layout finds the same in articles."""
    assert len(_differing(nlp, articles)) <= len(articles) // 10_000


def test_the_default_model(
    default_model: Language, articles: list[str], annotated: list[str]
) -> None:
    """The default model finds the same in articles and in annotated texts."""
    texts = articles + annotated
    assert len(_differing(default_model, texts)) <= len(texts) // 10_000
