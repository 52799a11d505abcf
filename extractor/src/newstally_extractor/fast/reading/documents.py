"""Reads texts as spaCy's documents, for pipelines in which components come before the model.

Slower than reading chunks: the components that begin sentences run as they are.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc

from newstally_extractor.fast.reading.tokens import Tokens
from newstally_extractor.fast.reading.word_features import read_features
from newstally_extractor.fast.reading.words import Words
from newstally_extractor.pipelines.annotations import Pipe


class DocumentReader:
    """Reads texts with a pipeline's own tokenizer and some of its components."""

    def __init__(self, nlp: Language, pipes: Sequence[tuple[str, Pipe]], words: Words) -> None:
        """`pipes` are run in order on what the tokenizer gives."""
        self._nlp = nlp
        self._pipes = tuple(pipes)
        self._words = words

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes for what it remembers: nothing but the words."""
        return 0

    def forget(self) -> None:
        """Forget the words."""
        self._words.forget()

    def read(self, texts: Sequence[str]) -> Tokens:
        """Read texts. Raises ValueError when a component leaves one out."""
        with self._nlp.memory_zone():
            docs: Iterable[Doc] = [self._nlp.make_doc(text) for text in texts]
            for _, pipe in self._pipes:
                docs = pipe.pipe(docs) if hasattr(pipe, "pipe") else map(pipe, docs)
            read = [read_features(doc, self._words.columns) for doc in docs]
            del docs
        if len(read) != len(texts):
            raise ValueError("a component of the pipeline leaves out texts that it fails on")
        return Tokens(
            words=self._words.number(np.concatenate([doc.features for doc in read])),
            starts=np.concatenate([doc.starts for doc in read]),
            counts=np.array([len(doc.starts) for doc in read], np.int64),
            begins_sentence=np.concatenate([doc.begins_sentence for doc in read]),
        )
