"""Runs a pipeline of tok2vec and transition-based entity recognizer without spaCy's machinery."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from spacy.errors import Errors
from spacy.language import Language

from newstally_extractor.fast.components import find_components
from newstally_extractor.fast.network.layout import Layout, lay_out
from newstally_extractor.fast.network.moves import read_moves
from newstally_extractor.fast.network.parameters import Parameters
from newstally_extractor.fast.network.recognizer import Recognizer, Span
from newstally_extractor.fast.network.weights import read_scorer, read_tok2vec
from newstally_extractor.fast.reading.chunks import ChunkReader
from newstally_extractor.fast.reading.documents import DocumentReader
from newstally_extractor.fast.reading.private_tokenizer import private_tokenizer
from newstally_extractor.fast.reading.tokens import Reader, Tokens
from newstally_extractor.fast.reading.words import Words
from newstally_extractor.fast.rounding import measure_rounding
from newstally_extractor.fast.unsupported import Unsupported
from newstally_extractor.pipelines.entities import Entity, Find, stock_entities

TABLE_BYTES = 96 * 1024 * 1024
"""For what is kept of words' embeddings: of some 16,000 words of the default pipeline."""

MEMORY_BYTES = 64 * 1024 * 1024
"""For what is kept of words and of chunks of text; it may be passed by one group of texts."""

GROUP_CHARACTERS = 64 * 1024
"""Texts are worked on together until they are this long, with the padding between them."""

_CHARACTERS_PER_TOKEN = 5
"""Of padding, which takes as much as text does: most of it, where texts are tiny."""

HANDED_BACK_CHARACTERS = 100_000
"""Longer texts are never handed back: the pipeline takes some 4 KB of memory for a character."""


class FastPipeline:
    """The entities of a loaded pipeline, faster. Called from one thread only."""

    def __init__(
        self,
        *,
        reader: Reader,
        words: Words,
        recognizer: Recognizer,
        labels: Sequence[str],
        max_length: int,
        hand_back: Find,
    ) -> None:
        """Use `from_nlp`. `max_length` is in characters."""
        self._reader = reader
        self._words = words
        self._recognizer = recognizer
        self.labels = tuple(labels)
        """All labels that an entity can get."""
        self._max_length = max_length
        self._hand_back = hand_back
        self.handed_back = 0
        """Texts that were left to the pipeline itself, because scores in them were too close."""

    @classmethod
    def from_nlp(cls, nlp: Language, hand_back: Find | None = None) -> "FastPipeline":
        """Read a loaded pipeline's parameters; the pipeline itself stays as it is.

        `hand_back` finds the entities of texts that are left to the pipeline, see `entities`; by
        default `nlp` itself does.

        Raises Unsupported when its entities come from anything else than a tok2vec of hashed
        embeddings and windows of maxout, and spaCy's greedy transition-based recognizer.
        """
        try:
            return cls._read(nlp, hand_back)
        except (Unsupported, MemoryError):
            raise
        except Exception as error:
            # A pipeline may be made of anything that can be registered with spaCy.
            reason = f"reading it failed with {type(error).__name__}: {error}"
            raise Unsupported(reason) from error

    @classmethod
    def _read(cls, nlp: Language, hand_back: Find | None) -> "FastPipeline":
        components = find_components(nlp)
        recognizer = components.recognizer
        embedding, convolutions = read_tok2vec(components.tok2vec, nlp.vocab.vectors)
        scorer = read_scorer(recognizer.model)
        names = [recognizer.moves.get_class_name(at) for at in range(recognizer.moves.n_moves)]
        moves = read_moves(names)
        if scorer.classes != len(names):
            raise Unsupported("its scores are not one for each move")
        static = embedding.static
        words = Words(embedding.attrs if static is None else (*embedding.attrs, static.attr))
        tokenizer = private_tokenizer(nlp, words.columns)
        reader = (
            DocumentReader(nlp, components.sentences, words)
            if components.sentences
            else ChunkReader(tokenizer, words)
        )
        fast = Recognizer(Parameters(embedding, convolutions, scorer), moves, words, TABLE_BYTES)
        fast.allow_for_rounding(measure_rounding(nlp, components, reader, words, fast))
        return cls(
            reader=reader,
            words=words,
            recognizer=fast,
            labels=moves.labels,
            max_length=nlp.max_length,
            hand_back=hand_back or partial(stock_entities, nlp),
        )

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return each text's entities in order: what `doc.ents` has.

        Fewer than one text in a thousand is left to the pipeline itself: where two moves' scores
        are as good as equal, the order of additions decides, and only its own is the right one.
        In a text of more than HANDED_BACK_CHARACTERS the order of additions here decides.

        Raises ValueError, as spaCy does, for a text longer than the pipeline's `max_length`.
        """
        found: list[list[Entity]] = []
        for group in self._groups(texts):
            found.extend(self._find(group))
        return found

    def mentions(self, texts: Sequence[str]) -> list[list[tuple[str, str]]]:
        """Return each text's entities in order, as (text, label). Raises as `entities`."""
        return [
            [(text[start:end], label) for start, end, label in entities]
            for text, entities in zip(texts, self.entities(texts), strict=True)
        ]

    def _groups(self, texts: Iterable[str]) -> Iterator[list[str]]:
        group: list[str] = []
        size = 0
        for text in texts:
            if len(text) > self._max_length:
                raise ValueError(Errors.E088.format(length=len(text), max_length=self._max_length))
            weight = len(text) + _CHARACTERS_PER_TOKEN * self._recognizer.padding
            if group and size + weight > GROUP_CHARACTERS:
                yield group
                group, size = [], 0
            group.append(text)
            size += weight
        if group:
            yield group

    def _find(self, texts: list[str]) -> list[list[Entity]]:
        if self._reader.size_bytes + self._words.size_bytes > MEMORY_BYTES:
            self._reader.forget()
        try:
            tokens = self._reader.read(texts)
        except BaseException:
            # Half of a text may be remembered: the next one must not meet it.
            self._reader.forget()
            raise
        layout = lay_out(tokens, self._words, self._recognizer.padding)
        rows = self._recognizer.find(layout)
        found = self._texts_entities(len(texts), tokens, layout, rows.spans)
        doubtful = layout.text_of_token[np.searchsorted(layout.row_of_token, rows.doubtful)]
        again = [
            text
            for text in np.unique(doubtful).tolist()
            if len(texts[text]) <= HANDED_BACK_CHARACTERS
        ]
        if again:
            self.handed_back += len(again)
            for text, entities in zip(
                again, self._hand_back([texts[text] for text in again]), strict=True
            ):
                found[text] = entities
        return found

    def _texts_entities(
        self, texts: int, tokens: Tokens, layout: Layout, spans: list[Span]
    ) -> list[list[Entity]]:
        found: list[list[Entity]] = [[] for _ in range(texts)]
        if not spans:
            return found
        rows = np.array(spans, np.int64)
        first = np.searchsorted(layout.row_of_token, rows[:, 0])
        last = np.searchsorted(layout.row_of_token, rows[:, 1] - 1)
        ends = tokens.starts[last] + self._words.lengths(tokens.words[last])
        for text, start, end, label in zip(
            layout.text_of_token[first].tolist(),
            tokens.starts[first].tolist(),
            ends.tolist(),
            rows[:, 2].tolist(),
            strict=True,
        ):
            found[text].append((start, end, self.labels[label]))
        return found
