"""What the default model promises to those who install it."""

from __future__ import annotations

from importlib.metadata import entry_points, version
from pathlib import Path

import en_newstally
import pytest
import spacy
from spacy.language import Language

LABELS = {
    "PERSON",
    "ORG",
    "GPE",
    "LOC",
    "NORP",
    "FAC",
    "EVENT",
    "WORK_OF_ART",
    "PRODUCT",
    "MISC",
}

SIZE_LIMIT_BYTES = 15_000_000

# Both articles are made up.
COUNCIL = """\
BERLIN - Angela Merkel met French President Emmanuel Macron in Paris on Tuesday to talk about the
war in Syria. The United Nations had asked Germany and France for more money.

"We will not leave the refugees alone," Merkel said before she flew back to Berlin. In Washington,
the White House welcomed the talks, but Russia called them useless. António Guterres, the
secretary-general of the United Nations, plans to visit Damascus next month.
"""

COMPANY = """\
Microsoft said on Monday that it would build a new data center in Ireland and hire 400 engineers.
Chief executive Satya Nadella announced the plan at a meeting in Dublin, together with Prime
Minister Leo Varadkar. The European Union has warned Microsoft and Google about their market power.
Shares of Google fell in New York, while those of Toyota rose in Japan.
"""


@pytest.fixture(scope="module")
def nlp() -> Language:
    return spacy.load("en_newstally")


@pytest.fixture(scope="module")
def files() -> list[Path]:
    folder = Path(en_newstally.__file__).parent
    return [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc"]


def found(nlp: Language, text: str) -> set[tuple[str, str]]:
    return {(" ".join(entity.text.split()), entity.label_) for entity in nlp(text).ents}


def test_it_is_a_tok2vec_and_a_ner_with_exactly_the_promised_labels(nlp: Language) -> None:
    """The pipeline is two components, and finds ten labels, dates and numbers not among them."""
    assert nlp.pipe_names == ["tok2vec", "ner"]
    assert set(nlp.pipe_labels["ner"]) == LABELS


def test_its_version_is_that_of_the_distribution(nlp: Language) -> None:
    """What an upload says about its model can be traced to a released package."""
    assert nlp.meta["version"] == en_newstally.__version__ == version("en-newstally")


def test_spacy_lists_it_among_the_installed_pipelines() -> None:
    """The package announces itself to spaCy."""
    assert "en_newstally" in {point.name for point in entry_points(group="spacy_models")}


def test_it_is_small(files: list[Path]) -> None:
    """All of its files together stay within 15 MB."""
    assert sum(path.stat().st_size for path in files) <= SIZE_LIMIT_BYTES


def test_its_vocabulary_is_that_of_a_blank_pipeline(nlp: Language) -> None:
    """No word of the training texts is left in the model: only spaCy's own and the labels."""
    fresh = spacy.load("en_newstally")
    # ROOT belongs to spaCy's transition systems.
    own = set(fresh.vocab.strings) - set(spacy.blank("en").vocab.strings)
    assert own <= LABELS | {"ROOT"}


def test_its_files_hold_no_text(files: list[Path]) -> None:
    """Beside weights and spaCy's English the files are short: there is no room for articles."""
    # The last two are word vectors, and under which words' hashes they are found.
    weights = {"model", "tokenizer", "strings.json", "vectors", "key2row"}
    for path in files:
        if path.name not in weights:
            assert path.stat().st_size < 10_000, path


def test_its_files_name_no_folder_of_the_machine_it_was_trained_on(files: list[Path]) -> None:
    """The configuration is stripped of where the texts were kept."""
    (config,) = (path for path in files if path.name == "config.cfg")
    assert "/" not in config.read_text(encoding="utf-8")


def test_it_finds_who_and_what_a_political_article_is_about(nlp: Language) -> None:
    """People, places and organisations of an ordinary article are found."""
    assert found(nlp, COUNCIL) >= {
        ("Angela Merkel", "PERSON"),
        ("Merkel", "PERSON"),
        ("Emmanuel Macron", "PERSON"),
        ("Paris", "GPE"),
        ("Syria", "GPE"),
        ("Germany", "GPE"),
        ("France", "GPE"),
        ("Berlin", "GPE"),
        ("Russia", "GPE"),
        ("Damascus", "GPE"),
        ("United Nations", "ORG"),
        ("French", "NORP"),
    }


def test_it_finds_who_and_what_an_article_on_business_is_about(nlp: Language) -> None:
    """People, places and organisations of an ordinary article are found."""
    assert found(nlp, COMPANY) >= {
        ("Microsoft", "ORG"),
        ("Google", "ORG"),
        ("European Union", "ORG"),
        ("Satya Nadella", "PERSON"),
        ("Leo Varadkar", "PERSON"),
        ("Ireland", "GPE"),
        ("Dublin", "GPE"),
        ("New York", "GPE"),
        ("Japan", "GPE"),
    }
