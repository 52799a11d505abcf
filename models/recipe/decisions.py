"""The small model's decisions, computed by PyTorch: spaCy's NER by transitions, the same numbers.

At each token spaCy chooses a move: the token begins a name (B), is inside of one (I), is the last
of one (L), is one (U), or is none (O). What it sees is the token and, if a name is open, that
name's first token and the one before. So the states of a text are known as soon as its names are,
and all are computed at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from corpora import LABELS
from spacy.language import Language
from torch import nn
from torch.nn import functional

NONE = -1
"""Stands for a token that a state does not have."""

_SMALL = 1e-3
"""Keeps from dividing by zero; a name of no greater probability goes on to no next token."""


class Decisions(nn.Module):  # type: ignore[misc]
    """Scores of the moves of each state."""

    def __init__(self, nlp: Language, dropout: float) -> None:
        super().__init__()
        ner: Any = nlp.get_pipe("ner")
        project, lower, upper = _layers(ner.model)
        self.features, self.hidden, self.pieces, _ = lower.get_param("W").shape
        self.project = _tensors(project.get_param("W"), project.get_param("b"))
        # All of a feature's first pieces, then all of its second: see mirror.Dense.
        weights = lower.get_param("W").transpose(0, 2, 1, 3)
        missing = lower.get_param("pad")[0].transpose(0, 2, 1)
        self.lower = _tensors(
            weights.reshape(-1, weights.shape[3]),
            lower.get_param("b").T.reshape(-1),
            missing.reshape(self.features, -1),
        )
        self.upper = _tensors(upper.get_param("W"), upper.get_param("b"))
        self.dropout = nn.Dropout(dropout)
        names = [ner.moves.get_class_name(move) for move in range(ner.moves.n_moves)]
        self.moves = {
            kind: torch.tensor([names.index(f"{kind}-{label}") for label in LABELS])
            for kind in "BILU"
        } | {"O": torch.tensor([names.index("O")])}

    def start(self) -> None:
        """Draw the weights anew: spaCy's own are made for learning in spaCy."""
        for weights in (self.project[0], self.lower[0], self.upper[0]):
            nn.init.normal_(weights, std=weights.shape[1] ** -0.5)
        nn.init.zeros_(self.lower[2])

    def forward(self, rows: Any, states: Any) -> Any:
        """Return the moves' scores; `rows` are all tokens', `states` are as from `states_of`."""
        hidden = functional.linear(rows, *self.project)
        seen = functional.linear(hidden, self.lower[0]).view(len(rows), self.features, -1)
        summed: Any = self.lower[1]
        for feature in range(self.features):
            known = torch.cat([seen[:, feature], self.lower[2][feature : feature + 1].to(seen)])
            summed = summed + functional.embedding(states[:, feature] % len(known), known)
        largest = torch.stack(summed.chunk(self.pieces, dim=1)).amax(dim=0)
        return functional.linear(self.dropout(largest), *self.upper)

    def write(self, nlp: Language) -> None:
        """Set the parameters of the pipeline's NER."""
        ner: Any = nlp.get_pipe("ner")
        project, lower, upper = _layers(ner.model)
        weights, bias, missing = map(_array, self.lower)
        turned = weights.reshape(self.features, self.pieces, self.hidden, -1).transpose(0, 2, 1, 3)
        pad = missing.reshape(1, self.features, self.pieces, self.hidden).transpose(0, 1, 3, 2)
        lower.set_param("W", np.ascontiguousarray(turned))
        lower.set_param("b", np.ascontiguousarray(bias.reshape(self.pieces, self.hidden).T))
        lower.set_param("pad", np.ascontiguousarray(pad))
        for layer, (matrix, offset) in ((project, self.project), (upper, self.upper)):
            layer.set_param("W", _array(matrix))
            layer.set_param("b", _array(offset))

    def loss(self, scores: Any, states: Any, tags: Any) -> Any:
        """Return how far the scores are from the tags' probabilities (rows by tags), per state.

        A name that is probable here, and inside which the next token is as probably, begins here;
        else it is this token alone. Of an open name only where it ends is still to be decided.
        """
        begins, inside = tags[:, 1::2], tags[:, 2::2]
        on = (inside.roll(-1, dims=0) / (begins + inside + _SMALL)).clamp(max=1)
        tokens, is_open = states[:, 0], states[:, 1] != NONE
        new, old = tokens[~is_open], tokens[is_open]
        wanted = torch.cat([begins * on, begins * (1 - on), tags[:, :1]], dim=1)[new]
        moves = torch.cat([self.moves[kind] for kind in "BUO"])
        lost = -(wanted * functional.log_softmax(scores[~is_open][:, moves], dim=1)).sum()
        kinds = torch.stack([scores[is_open][:, self.moves[kind]] for kind in "IL"])
        go_on, end = functional.log_softmax(kinds, dim=0)
        return (lost - (inside[old] * (on[old] * go_on + (1 - on[old]) * end)).sum()) / len(states)


def states_of(real: Any, tags: Any) -> Any:
    """Return the states of a text's tokens if its most probable names are found: tokens by 3.

    `real` says which rows are tokens; `tags` has their probabilities, O for the other rows.
    """
    best = tags.argmax(dim=1)
    index = torch.arange(len(best))
    begun = torch.where(best % 2 == 1, index, NONE).cummax(dim=0).values
    ended = torch.where(best == 0, index, NONE).cummax(dim=0).values
    is_open = (begun > ended) & (begun < index)
    first = torch.where(is_open, begun, NONE)
    before = torch.where(is_open, index - 1, NONE)
    return torch.stack([index, first, before], dim=1)[real]


def _layers(model: Any) -> tuple[Any, Any, Any]:
    """Return the layers of spaCy's model: the projection of tokens, the states' and the moves'."""
    return model.get_ref("tok2vec").layers[-1], model.get_ref("lower"), model.get_ref("upper")


def _tensors(*arrays: Any) -> nn.ParameterList:
    return nn.ParameterList(nn.Parameter(torch.from_numpy(np.array(array))) for array in arrays)


def _array(tensor: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.ascontiguousarray(tensor.detach().float().numpy())
