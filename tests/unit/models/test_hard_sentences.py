"""The hard sentences can be read, are many, and are of every kind that they promise."""

import sys
from pathlib import Path

import pytest
from support.processes import REPOSITORY

sys.path.insert(0, str(REPOSITORY / "models" / "recipe"))

from corpora import CorporaError
from hard import read_hard


def test_there_are_enough_of_every_kind() -> None:
    """At least 300 sentences, and 20 of each kind of difficulty: fewer would measure chance."""
    kinds = read_hard()
    assert sum(map(len, kinds.values())) >= 300
    assert min(map(len, kinds.values())) >= 20


def test_no_sentence_comes_twice() -> None:
    texts = [sentence.text for kind in read_hard().values() for sentence in kind]
    assert len(set(texts)) == len(texts)


def test_names_are_where_they_are_marked(tmp_path: Path) -> None:
    file = tmp_path / "sentences.tsv"
    file.write_text("# said first\nteam\t{Leeds|ORG} play in {Hull|GPE}.\n")
    (sentence,) = read_hard(file)["hard/team"]
    assert sentence.text == "Leeds play in Hull."
    assert sentence.entities == ((0, 5, "ORG"), (14, 18, "GPE"))


@pytest.mark.parametrize(
    "line",
    [
        "{Leeds|ORG} play.",
        "team\tLeeds play.",
        "team\t{Leeds|TEAM} play.",
        "team\t{Leeds|ORG play.",
        "team\t{Leeds} beat {Hull|ORG}.",
    ],
)
def test_a_mistake_names_its_line(tmp_path: Path, line: str) -> None:
    file = tmp_path / "sentences.tsv"
    file.write_text(f"# said first\n{line}\n")
    with pytest.raises(CorporaError, match=r"sentences\.tsv:2: "):
        read_hard(file)
