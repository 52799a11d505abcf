"""Measures how far scores computed here are from spaCy's, which adds in another order.

How far depends on the model: on its depth and width, and on how large the numbers are that cancel
out on the way to a score. So it is measured on every model, on texts that hold about a thousand
tokens.
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
from spacy.language import Language

from newstally_extractor.fast.components import Components
from newstally_extractor.fast.network.layout import Layout, lay_out
from newstally_extractor.fast.network.parameters import Floats
from newstally_extractor.fast.network.recognizer import Recognizer
from newstally_extractor.fast.proof_texts import SENTENCES, salads
from newstally_extractor.fast.reading.tokens import Reader
from newstally_extractor.fast.reading.words import Integers, Words
from newstally_extractor.fast.unsupported import Unsupported

_TEXTS = (*SENTENCES, *islice(salads(3), 10))

_BACK = 2
"""Where the entity of the states inside an entity begins: so many tokens before."""


def measure_rounding(
    nlp: Language, components: Components, reader: Reader, words: Words, recognizer: Recognizer
) -> float:
    """Return the largest difference of a score, as a share of it plus 5.

    Raises Unsupported for scores that are no finite numbers.
    """
    layout = lay_out(reader.read(_TEXTS), words, recognizer.padding)
    rows = layout.row_of_token
    vectors = recognizer.vectors(layout)
    scores, moves = recognizer.scores, recognizer.moves
    tokens, behind = np.arange(len(rows)), _inside(layout)
    labels = behind % len(moves.labels)
    goes_on, ends = scores.inside(vectors, rows[behind - _BACK], rows[behind], labels)
    ours = np.concatenate([scores.outside(vectors[rows]).T.ravel(), goes_on, ends])
    shares = _spacys_shares(nlp, components, _TEXTS)
    outside = np.full((len(tokens), scores.looks_at), -1)
    outside[:, 0] = tokens
    inside = np.full((len(behind), scores.looks_at), -1)
    inside[:, :3] = np.stack((behind, behind - 2, behind - 1), axis=1)
    spacys = _spacys_scores(components, shares, inside)
    every = np.arange(len(behind))
    theirs = np.concatenate(
        [
            _spacys_scores(components, shares, outside)[:, moves.outside].ravel(),
            spacys[every, moves.inside[labels]],
            spacys[every, moves.last[labels]],
        ]
    )
    largest = float((np.abs(ours - theirs) / (5 + np.abs(theirs))).max())
    if not np.isfinite(largest):
        raise Unsupported("its scores are not finite")
    return largest


def _inside(layout: Layout) -> Integers:
    """Return the tokens that have _BACK tokens of their text before them."""
    text = layout.text_of_token
    return np.flatnonzero(text[_BACK:] == text[:-_BACK]) + _BACK


def _spacys_shares(nlp: Language, components: Components, texts: Sequence[str]) -> Floats:
    """Return what spaCy adds up to scores, (1 + N, F, O, P): first for a token that is missing."""
    model = components.recognizer.model
    with nlp.memory_zone():
        vectors = np.concatenate(components.tok2vec.predict([nlp.make_doc(text) for text in texts]))
    shares: Floats = model.layers[1].predict(model.layers[0].layers[-1].predict(vectors))
    return shares


def _spacys_scores(components: Components, shares: Floats, states: npt.NDArray[np.intp]) -> Floats:
    """Return the scores of states, (N, C), given the tokens they look at, (N, F); -1 is none."""
    model = components.recognizer.model
    pieces = np.zeros((len(states), *shares.shape[2:]), np.float32)
    for feature in range(states.shape[1]):
        pieces += shares[states[:, feature] + 1, feature]
    pieces += model.layers[1].get_param("b")
    hidden: Floats = pieces.max(axis=-1)
    return model.layers[2].predict(hidden) if model.attrs["has_upper"] else hidden
