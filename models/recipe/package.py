"""Make a trained pipeline the data of the package `en_newstally`, stripped of what it has read."""

from __future__ import annotations

import shutil
from pathlib import Path

import spacy
from en_newstally import half
from spacy import util
from spacy.language import Language
from spacy.strings import StringStore
from spacy.vectors import Vectors

VERSION = "0.3.0"

META = {
    "name": "newstally",
    "version": VERSION,
    "description": "Named entities of English news: small, for CPU.",
    "author": "The Newstally authors",
    "license": "CC BY-SA 4.0",
    "spacy_version": ">=3.8,<3.9",
}


def publish(best: Path, package: Path) -> Language:
    """Write the model in `best` as data of `package`, and return it as it will be loaded.

    The vocabulary of a trained pipeline holds every word of its training texts. Weights loaded into
    a fresh pipeline leave them behind: what remains is spaCy's own English and the labels.
    Parameters are written as 16-bit floats.
    """
    trained = spacy.load(best)
    config = trained.config.copy()
    # Where this machine kept its texts is nobody's business.
    config["paths"] = {"train": None, "dev": None, "vectors": None}
    config["corpora"]["train"]["path"] = config["corpora"]["dev"]["path"] = None
    config["initialize"]["components"] = {}
    config["initialize"]["vectors"] = None
    config["nlp"]["after_creation"] = {"@callbacks": half.CALLBACK}
    nlp = util.load_model_from_config(config, auto_fill=True)
    nlp.vocab.vectors = _without_words(trained.vocab.vectors, nlp.vocab.strings)
    nlp.from_disk(best, exclude=["vocab", "tokenizer", "config", "meta"])
    nlp.meta.update(META)
    nlp.meta["performance"] = {}
    nlp.meta["requirements"] = ["spacy>=3.8,<3.9"]
    data = package / f"en_newstally-{VERSION}"
    for old in package.glob("en_newstally-*"):
        shutil.rmtree(old)
    package.mkdir(parents=True, exist_ok=True)
    half.narrow(nlp)
    nlp.to_disk(data)
    shutil.copy(data / "meta.json", package / "meta.json")
    return spacy.load(data)


def _without_words(table: Vectors, strings: StringStore) -> Vectors:
    """Return a copy of the vectors; a table of spaCy's brings the words of its pipeline along."""
    copy = Vectors(strings=strings, data=table.data, attr=table.attr)
    for key, row in table.key2row.items():
        copy.add(key, row=row)
    return copy
