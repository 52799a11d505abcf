"""What the recipe and the evaluation of the default model promise, on corpora made up here."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, DocBin
from support.processes import REPOSITORY

pytestmark = pytest.mark.slow

MODELS = REPOSITORY / "models"

TRAIN = (
    "gmb_clean/train",
    "docred/train",
    "crossner/train",
    "crossner/dev",
    "gum/train",
    "wikigold/train",
    "uner_ewt/train",
)

# Stands in for the corpora's own mapping: all labels are common already.
MAPPING = """\
TITLES = {"President"}
MONTHS = {"Monday"}


def to_common(doc):
    return doc
"""

TEXT = "On Monday President Ada Quill of Brelgia praised the Zorbian Prize. She left Brelgia."
ENTITIES = [
    (TEXT.index("Ada Quill"), TEXT.index("Ada Quill") + 9, "PERSON"),
    (TEXT.index("Brelgia"), TEXT.index("Brelgia") + 7, "GPE"),
    (TEXT.rindex("Brelgia"), TEXT.rindex("Brelgia") + 7, "GPE"),
]

# Of wikigold alone: so corpora differ.
SHORT = "She left Brelgia."
SHORT_ENTITIES = [(9, 16, "GPE")]


def write_split(corpora: Path, split: str, documents: int) -> None:
    path = corpora / f"{split}.jsonl.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    source = split.split("/")[0].removesuffix("_news")
    with gzip.open(path, "wt", encoding="utf-8") as lines:
        text, entities = (SHORT, SHORT_ENTITIES) if source == "wikigold" else (TEXT, ENTITIES)
        for number in range(documents):
            row = {"source": source, "doc_id": f"{split}-{number}", "text": text, "ents": entities}
            print(json.dumps(row), file=lines)


def run(script: str, *arguments: str | Path) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, MODELS / script, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("corpora")
    (folder / "mapping.py").write_text(MAPPING, encoding="utf-8")
    for split in TRAIN:
        write_split(folder, split, 30)
    write_split(folder, "uner_pud_news/dev", 2)
    return folder


def prepared(corpora: Path, output: Path, *without: str) -> list[Doc]:
    """Return the documents to train on that are left without the named corpora."""
    left_out = [argument for name in without for argument in ("--without", name)]
    run("recipe/prepare.py", "--corpora", corpora, "--output", output, *left_out)
    return list(DocBin().from_disk(output / "train.spacy").get_docs(spacy.blank("en").vocab))


ALL = ("gmb_clean", "docred", "crossner", "gum", "wikigold", "uner_ewt")


TRIAL = ("--limit", "20", "--max-steps", "2")


def test_training_on_a_slice_fills_the_package(corpora: Path, tmp_path: Path) -> None:
    """One command makes a pipeline with all labels, whatever the slice, and with no word of it."""
    embeddings = tmp_path / "embeddings.json"
    table = {"dimensions": 3, "words": ["praised", "brelgia"]}
    vectors = {"praised": [0.1, 0.2, 0.3], "brelgia": [0.3, -0.2, 0.1]}
    embeddings.write_text(json.dumps({**table, "vectors": vectors}), encoding="utf-8")
    package = tmp_path / "package"
    arguments = ("--embeddings", embeddings, "--no-teacher", "--package", package)
    run("recipe/train.py", "--corpora", corpora, *TRIAL, *arguments)
    (data,) = package.glob("en_newstally-*/")
    nlp = spacy.load(data)
    assert len(nlp.pipe_labels["ner"]) == 10
    assert nlp.vocab["Brelgia"].norm in nlp.vocab.vectors
    assert "brelgia" not in spacy.load(data).vocab.strings
    config = (data / "config.cfg").read_text(encoding="utf-8")
    assert str(corpora) not in config
    assert str(tmp_path) not in config


@pytest.mark.skipif(find_spec("torch") is not None, reason="there is PyTorch for a teacher")
def test_without_embeddings_and_pytorch_the_recipe_trains_on_the_corpora_alone(
    corpora: Path, tmp_path: Path
) -> None:
    """What is not there is left out, and why is said: nobody has to have it."""
    output = run("recipe/train.py", "--corpora", corpora, *TRIAL, "--package", tmp_path)
    assert "no teacher: not installed: torch" in output
    (data,) = tmp_path.glob("en_newstally-*/")
    assert spacy.load(data).vocab.vectors.shape[0] == 0


def test_words_that_a_full_corpus_leaves_out_are_no_entities(corpora: Path, tmp_path: Path) -> None:
    """Where all labels are annotated, every token outside the entities is a negative example."""
    doc = prepared(corpora, tmp_path, *(name for name in ALL if name != "docred"))[0]
    assert [entity.label_ for entity in doc.ents] == ["PERSON", "GPE", "GPE"]
    assert {token.ent_iob_ for token in doc} == {"B", "I", "O"}


def test_what_a_corpus_does_not_annotate_is_missing(corpora: Path, tmp_path: Path) -> None:
    """Only possible names are missing, and known not to be of the labels that are annotated."""
    doc = prepared(corpora, tmp_path, *(name for name in ALL if name != "uner_ewt"))[0]
    assert [token.text for token in doc if not token.ent_iob_] == ["Zorbian", "Prize"]
    incorrect = {(span.text, span.label_) for span in doc.spans["incorrect_spans"]}
    assert ("Zorbian Prize", "ORG") in incorrect
    assert ("Zorbian Prize", "EVENT") not in incorrect


def test_a_corpus_can_be_left_out(corpora: Path, tmp_path: Path) -> None:
    """The recipe works without a corpus whose licence somebody may not want."""
    with_it = prepared(corpora, tmp_path)
    without_it = prepared(corpora, tmp_path, "gmb_clean")
    assert 0 < len(without_it) < len(with_it)


def test_the_evaluation_counts_strictly_and_leaves_missing_labels_out(
    corpora: Path, tmp_path: Path
) -> None:
    """A span with a wrong end is both wrong and missed; NORP, unknown to the corpus, is neither."""
    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns(
        [
            {"label": "GPE", "pattern": "Brelgia"},
            {"label": "PERSON", "pattern": "Quill"},
            {"label": "NORP", "pattern": "Zorbian"},
        ]
    )
    nlp.to_disk(tmp_path)
    split = ("--split", "uner_pud_news/dev")
    output = run("evaluate.py", "--corpora", corpora, "--model", tmp_path, *split, "--json")
    (score,) = json.loads(output)
    assert score["labels"] == {
        "GPE": {"found": 4, "wrong": 0, "missed": 0},
        "PERSON": {"found": 0, "wrong": 2, "missed": 2},
    }
    assert score["folded"]["PLACE"] == {"found": 4, "wrong": 0, "missed": 0}


def test_models_are_chosen_by_what_was_kept_back_of_what_people_annotated(
    corpora: Path, tmp_path: Path
) -> None:
    """Each corpus counts the same, and labels made by machines do not count."""
    nlp = spacy.blank("en")
    ruler: Any = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "GPE", "pattern": "Brelgia"}])
    nlp.to_disk(tmp_path)
    output = run("evaluate.py", "--corpora", corpora, "--model", tmp_path, "--development")
    # Two of three entities: precision 100, recall 67; in wikigold all.
    assert "mean of the folded F1 where people annotated: 84.00" in output
    # Eight documents with three entities, and wikigold's with one: 17 of 25.
    assert "F1 over all entities there: 80.95" in output
    assert "uner_pud" not in output
