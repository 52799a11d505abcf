"""Reads texts chunk by chunk, remembering what each chunk's tokens are.

spaCy's tokenizer cuts a text at white space and then looks at each piece by itself. News uses the
same pieces over and over: this reader keeps their tokens by number, so that reading is one look-up
per piece and makes no object per token. What it has not seen goes through spaCy's own tokenizer.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from spacy.attrs import SPACY
from spacy.tokenizer import Tokenizer

from newstally_extractor.fast.reading.growing import Growing
from newstally_extractor.fast.reading.private_tokenizer import renewed
from newstally_extractor.fast.reading.special_cases import SpecialCases
from newstally_extractor.fast.reading.tokens import Tokens
from newstally_extractor.fast.reading.word_features import read_features
from newstally_extractor.fast.reading.words import Features, Integers, Words

_find_chunks = re.compile(r"\S+ ?|\s+").findall
"""As spaCy cuts: words with the one space after them, which is no token; and other white space."""

_is_simple = re.compile(r"\S+ ?").fullmatch
"""Says whether a chunk is one word: not white space, and not a whole text."""

_BETWEEN = "\n\n\n"
"""A token that no special case has in its pattern, between chunks that are read together."""

_WORDS_PER_TOKENIZER = 500_000
"""Words that a tokenizer's vocabulary has seen before it is made anew: that takes a while."""

_BYTES_PER_CHUNK = 300
"""Of Python objects and of the numbers kept for it, besides its characters."""


class _Numbers(dict[str, int]):
    """Chunks' numbers, in order of appearance; a new chunk gets the next when it is looked up."""

    def __init__(self) -> None:
        super().__init__()
        self.new: list[str] = []

    def __missing__(self, chunk: str) -> int:
        number = self[chunk] = len(self)
        self.new.append(chunk)
        return number


class ChunkReader:
    """Reads texts for a pipeline in which nothing but the tokenizer comes before the model."""

    def __init__(self, tokenizer: Tokenizer, words: Words) -> None:
        """`tokenizer`: one that nobody else uses, see `private_tokenizer`."""
        self._tokenizer = _ready(tokenizer)
        self._words_at_first = len(tokenizer.vocab)
        self._cases = SpecialCases(tokenizer)
        self._words = words
        self._numbers = _Numbers()
        self._texts: list[str] = []
        self._characters = Growing(np.int64)
        self._first = Growing(np.int64)
        self._count = Growing(np.int64)
        self._orths = Growing(np.uint64, 2)  # of the first and of the last word
        self._edges = Growing(np.bool_, 2)
        self._token_words = Growing(np.int64)
        self._token_starts = Growing(np.int64)

    @property
    def size_bytes(self) -> int:
        """About how much memory it takes for what it remembers."""
        characters = int(self._characters.rows.sum())
        return len(self._texts) * _BYTES_PER_CHUNK + 2 * characters + 16 * len(self._token_words)

    def forget(self) -> None:
        """Forget all chunks."""
        if len(self._tokenizer.vocab) - self._words_at_first > _WORDS_PER_TOKENIZER:
            self._tokenizer = _ready(renewed(self._tokenizer))
            self._words_at_first = len(self._tokenizer.vocab)
        self._numbers.clear()
        self._numbers.new.clear()
        self._texts.clear()
        for array in (self._characters, self._first, self._count, self._orths, self._edges):
            array.clear()
        self._token_words.clear()
        self._token_starts.clear()
        self._words.forget()

    def read(self, texts: Sequence[str]) -> Tokens:
        """Read texts."""
        number = self._numbers.__getitem__
        numbers: list[int] = []
        ends: list[int] = []
        for text in texts:
            numbers.extend(
                map(number, _find_chunks(text) if not self._cases.whole else [text] if text else [])
            )
            ends.append(len(numbers))
        self._learn()
        chunks, chunk_ends = np.array(numbers, np.int64), np.array(ends, np.int64)
        if suspects := self._suspects(chunks, chunk_ends):
            chunks, chunk_ends = self._read_whole(texts, chunks, chunk_ends, suspects)
        return self._tokens(chunks, chunk_ends)

    def _tokens(self, chunks: Integers, chunk_ends: Integers) -> Tokens:
        counts = self._count.rows[chunks]
        ends = np.concatenate(([0], np.cumsum(counts)))
        positions = np.concatenate(([0], np.cumsum(self._characters.rows[chunks])))
        firsts = np.concatenate(([0], chunk_ends))[:-1]
        # Where a chunk begins, counted in its text.
        starts = positions[:-1] - np.repeat(positions[firsts], chunk_ends - firsts)
        index = np.repeat(self._first.rows[chunks] - ends[:-1], counts) + np.arange(ends[-1])
        return Tokens(
            words=self._token_words.rows[index],
            starts=np.repeat(starts, counts) + self._token_starts.rows[index],
            counts=ends[chunk_ends] - ends[firsts],
            begins_sentence=None,
        )

    def _suspects(self, chunks: Integers, chunk_ends: Integers) -> list[int]:
        """Return the texts in which a special case may reach over the edge of a chunk."""
        edges = self._edges.rows
        meeting = np.flatnonzero(edges[chunks[:-1], 0] & edges[chunks[1:], 1])
        if not len(meeting):
            return []
        inside = np.isin(meeting + 1, chunk_ends, invert=True)
        found = [
            at for at in meeting[inside].tolist() if self._may_meet(chunks[at], chunks[at + 1])
        ]
        return sorted(set(np.searchsorted(chunk_ends, found, side="right").tolist()))

    def _may_meet(self, one: int, other: int) -> bool:
        """Say whether a case may reach from one chunk to the other and change either."""
        last, first = int(self._orths.rows[one, 1]), int(self._orths.rows[other, 0])
        return self._cases.reach_over(last, first) and (
            self._cases.touch(self._texts[one]) or self._cases.touch(self._texts[other])
        )

    def _read_whole(
        self, texts: Sequence[str], chunks: Integers, chunk_ends: Integers, suspects: list[int]
    ) -> tuple[Integers, Integers]:
        """Replace some texts' chunks by one chunk that is the whole text."""
        parts = np.split(chunks, chunk_ends[:-1])
        for suspect in suspects:
            parts[suspect] = np.array([self._numbers[texts[suspect]]], np.int64)
        self._learn()
        return np.concatenate(parts), np.cumsum([len(part) for part in parts])

    def _learn(self) -> None:
        """Find out the tokens of the chunks that were looked up for the first time."""
        new = self._numbers.new
        if not new:
            return
        with self._tokenizer.vocab.memory_zone():
            read = self._read_new(new)
        in_order = np.argsort(read.chunk, kind="stable")
        chunk = read.chunk[in_order]
        firsts = np.searchsorted(chunk, np.arange(len(new) + 1))
        self._first.extend(firsts[:-1] + len(self._token_words))
        self._count.extend(np.diff(firsts))
        self._characters.extend(np.array([len(text) for text in new], np.int64))
        self._token_words.extend(self._words.number(read.features[in_order]))
        self._token_starts.extend(read.starts[in_order])
        orths = read.orths[in_order]
        begin, end = orths[firsts[:-1]], orths[firsts[1:] - 1]
        self._orths.extend(np.stack((begin, end), axis=1))
        edges = self._cases.may_go_on_after(end), self._cases.may_come_from_before(begin)
        self._edges.extend(np.stack(edges, axis=1))
        self._texts.extend(new)
        new.clear()

    def _read_new(self, new: Sequence[str]) -> "_Read":
        # Where a case has white space inside it may well have what is put between chunks.
        joined = [at for at, chunk in enumerate(new) if _is_simple(chunk) and not self._cases.whole]
        simple = set(joined)
        parts = [self._read_joined([new[at] for at in joined], np.array(joined, np.int64))]
        for at, chunk in enumerate(new):
            if at not in simple:
                read = read_features(self._tokenizer(chunk), self._words.columns)
                chunks = np.full(len(read.starts), at)
                parts.append(_Read(chunks, read.starts, read.features, read.orths))
        return _Read(
            *(np.concatenate(columns) for columns in zip(*map(_columns, parts), strict=True))
        )

    def _read_joined(self, chunks: Sequence[str], numbers: Integers) -> "_Read":
        """Read many chunks as one text, which costs far less than reading each."""
        bodies = [chunk.rstrip(" ") for chunk in chunks]
        text = "".join([f"{body} {_BETWEEN}" for body in bodies])
        read = read_features(self._tokenizer(text), self._words.columns)
        lengths = np.array([len(body) for body in bodies], np.int64)
        begins = np.cumsum(lengths + 1 + len(_BETWEEN)) - (lengths + 1 + len(_BETWEEN))
        owner = np.searchsorted(begins, read.starts, side="right") - 1
        starts = read.starts - begins[owner]
        inside = starts < lengths[owner]
        owner, starts = owner[inside], starts[inside]
        features = read.features[inside]
        if SPACY in self._words.columns:
            last = np.searchsorted(owner, np.arange(len(chunks)), side="right") - 1
            followed = [len(body) < len(chunk) for body, chunk in zip(bodies, chunks, strict=True)]
            features[last, self._words.columns.index(SPACY)] = followed
        return _Read(numbers[owner], starts, features, read.orths[inside])


def _ready(tokenizer: Tokenizer) -> Tokenizer:
    """Have a tokenizer remember what stands between chunks: in memory zones it never does."""
    tokenizer(_BETWEEN)
    return tokenizer


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """Tokens of new chunks."""

    chunk: Integers
    """(N,) which chunk of those read it is in."""
    starts: Integers
    """(N,) where it begins in that chunk."""
    features: Features
    orths: npt.NDArray[np.uint64]


def _columns(read: _Read) -> tuple[npt.NDArray[np.generic], ...]:
    return read.chunk, read.starts, read.features, read.orths
