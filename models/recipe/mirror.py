"""The small model's tok2vec, computed by PyTorch: the same numbers, several times as fast to train.

Parameters are read from a pipeline's tok2vec and written back into it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from forms import Forms, Integers
from spacy.attrs import intify_attr
from spacy.language import Language
from torch import nn
from torch.nn import functional

PADDING = 4
"""Rows of zeros between texts, so that none sees another; a -1 among words stands for one.

It is the depth times the window of config.cfg.
"""

_PLACES = 4
"""Rows of a hashed table that make one embedding: thinc's."""

Layer = Any
"""One of thinc's, whose types do not take numpy's arrays."""

Parts = tuple[list[Layer], Layer | None, list[tuple[Layer, Layer]]]


def parts(model: Layer) -> Parts:
    """Return a tok2vec's hashed tables, its projection of word vectors, and its dense layers.

    Each dense layer is a maxout and its normalisation; the first mixes the embeddings.
    """
    nodes = list(model.walk(order="dfs_pre"))
    maxouts = [node for node in nodes if node.name == "maxout"]
    norms = [node for node in nodes if node.name == "layernorm"]
    static = [node for node in nodes if node.name == "static_vectors"]
    tables = [node for node in nodes if node.name == "hashembed"]
    return tables, static[0] if static else None, list(zip(maxouts, norms, strict=True))


class _Largest(torch.autograd.Function):  # type: ignore[misc]
    """The largest of pieces that lie side by side; PyTorch's own takes three times as long."""

    @staticmethod
    def forward(context: Any, rows: Any, pieces: int) -> Any:
        """Return the largest; of equal ones the first learns."""
        first, *others = rows.chunk(pieces, dim=1)
        held = []
        for other in others:
            held.append(first >= other)
            first = torch.maximum(first, other)
        context.save_for_backward(*held)
        return first

    @staticmethod
    def backward(context: Any, gradient: Any) -> Any:
        """Give the gradient to the piece that was the largest."""
        shares = []
        for held in reversed(context.saved_tensors):
            remaining = gradient * held
            shares.append(gradient - remaining)
            gradient = remaining
        return torch.cat([gradient, *reversed(shares)], dim=1), None


class Dropout(nn.Module):  # type: ignore[misc]
    """Drops values at random, by masks cut from one long row: to draw each anew takes longer."""

    _DRAWN = 1 << 23

    def __init__(self, rate: float) -> None:
        super().__init__()
        drawn = (torch.rand(self._DRAWN) >= rate).float() / (1 - rate)
        self.register_buffer("drawn", drawn, persistent=False)

    def forward(self, rows: Any) -> Any:
        """Return the rows, some values 0 while it is trained."""
        if not self.training:
            return rows
        begin = int(torch.randint(self._DRAWN - rows.numel(), ()))
        return rows * self.drawn[begin : begin + rows.numel()].view_as(rows)


class Dense(nn.Module):  # type: ignore[misc]
    """A maxout layer, normalised over its width."""

    def __init__(self, maxout: Layer, norm: Layer) -> None:
        super().__init__()
        weights = maxout.get_param("W")
        self.width, self.pieces, inputs = weights.shape
        # All of the first piece, then all of the second: so the largest is found fastest.
        flat = weights.transpose(1, 0, 2).reshape(-1, inputs)
        self.weight = nn.Parameter(torch.from_numpy(np.array(flat)))
        self.bias = nn.Parameter(torch.from_numpy(np.array(maxout.get_param("b").T.reshape(-1))))
        self.scale = nn.Parameter(torch.from_numpy(np.array(norm.get_param("G"))))
        self.shift = nn.Parameter(torch.from_numpy(np.array(norm.get_param("b"))))

    def forward(self, rows: Any) -> Any:
        """Return rows of the layer's width."""
        largest = _Largest.apply(functional.linear(rows, self.weight, self.bias), self.pieces)
        shape = (self.width,)
        return functional.layer_norm(largest.float(), shape, self.scale, self.shift, eps=1e-8)

    def write(self, maxout: Layer, norm: Layer) -> None:
        """Set the parameters of thinc's layers."""
        inputs = self.weight.shape[1]
        weights = _array(self.weight).reshape(self.pieces, self.width, inputs)
        maxout.set_param("W", np.ascontiguousarray(weights.transpose(1, 0, 2)))
        maxout.set_param(
            "b", np.ascontiguousarray(_array(self.bias).reshape(self.pieces, self.width).T)
        )
        norm.set_param("G", _array(self.scale))
        norm.set_param("b", _array(self.shift))


class Mirror(nn.Module):  # type: ignore[misc]
    """A tok2vec of hashed embeddings and windows of neighbours."""

    def __init__(self, nlp: Language, forms: Forms, dropout: float, rare: float = 0.0) -> None:
        """`rare`: how often a word that is read once is taken for one that nobody has read."""
        super().__init__()
        model: Any = nlp.get_pipe("tok2vec").model  # type: ignore[attr-defined]
        tables, static, dense = parts(model)
        self.tables = nn.ParameterList(
            nn.Parameter(torch.from_numpy(np.array(table.get_param("E")))) for table in tables
        )
        columns = next(n for n in model.walk() if n.name == "extract_features").attrs["columns"]
        features = forms.features(nlp.vocab, [int(intify_attr(name)) for name in columns])
        for number, table in enumerate(tables):
            keys = table.ops.hash(np.ascontiguousarray(features[:, number]), table.attrs["seed"])
            places = (keys % table.get_dim("nV")).astype(np.int64)
            self.register_buffer(f"places{number}", torch.from_numpy(places), persistent=False)
        unread = torch.from_numpy(rare / np.maximum(forms.counts, 1)).float()
        self.register_buffer("unread", unread, persistent=False)
        self.projection = None
        if static is not None:
            self.projection = nn.Parameter(torch.from_numpy(np.array(static.get_param("W"))))
            data = np.concatenate([nlp.vocab.vectors.data, np.zeros((1, static.get_dim("nM")))])
            self.register_buffer("vectors", torch.from_numpy(np.float32(data)), persistent=False)
            rows = torch.from_numpy(forms.rows(nlp.vocab))
            self.register_buffer("rows", rows % len(data), persistent=False)
        self.dense = nn.ModuleList(Dense(*layers) for layers in dense)
        self.dropout = Dropout(dropout)
        self.width = self.dense[0].width
        windows = [node for node in model.walk() if node.name == "expand_window"]
        self.window = int(windows[0].attrs["window_size"])
        if self.window * (len(self.dense) - 1) > PADDING:
            raise ValueError("texts would see each other: PADDING is less than depth times window")

    def forward(self, words: Any) -> Any:
        """Return what the layers make of every row; `words` are as from `padded`."""
        different, inverse = torch.unique(words, return_inverse=True)
        known = different[1:] if different[0] < 0 else different
        embedded = self._embed(known)
        if different[0] < 0:
            embedded = functional.pad(embedded, (0, 0, 1, 0))
        rows = self.dropout(functional.embedding(inverse, embedded))
        for layer in self.dense[1:]:
            around = functional.pad(rows, (0, 0, self.window, self.window))
            sides = [around[begin : begin + len(rows)] for begin in range(2 * self.window + 1)]
            rows = rows + self.dropout(layer(torch.cat(sides, dim=1)))
        return rows

    def write(self, nlp: Language) -> None:
        """Set the parameters of the pipeline's tok2vec."""
        tables, static, dense = parts(nlp.get_pipe("tok2vec").model)  # type: ignore[attr-defined]
        for table, own in zip(tables, self.tables, strict=True):
            table.set_param("E", _array(own))
        if static is not None and self.projection is not None:
            static.set_param("W", _array(self.projection))
        for own_dense, layers in zip(self.dense, dense, strict=True):
            own_dense.write(*layers)

    def _embed(self, forms: Any) -> Any:
        places = [getattr(self, f"places{number}")[forms] for number in range(len(self.tables))]
        if self.training:
            # A word that is new to the model lies anywhere in the first table, that of words.
            new = torch.rand(len(forms)) < self.unread[forms]
            places[0][new] = torch.randint(len(self.tables[0]), (int(new.sum()), _PLACES))
        sides = [
            functional.embedding_bag(place, table, mode="sum")
            for place, table in zip(places, self.tables, strict=True)
        ]
        if self.projection is not None:
            sides.append(functional.linear(self.vectors[self.rows[forms]], self.projection))
        return self.dense[0](torch.cat(sides, dim=1))


def padded(texts: Sequence[Integers]) -> Integers:
    """Return texts in a row, with padding before, between and behind them."""
    gap = np.full(PADDING, -1, np.int64)
    laid = [gap]
    for text in texts:
        laid += [text, gap]
    return np.concatenate(laid)


def _array(tensor: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.ascontiguousarray(tensor.detach().float().numpy())
