"""The tok2vec in PyTorch computes what spaCy's does, and gives back what it has learnt."""

from __future__ import annotations

from importlib.util import find_spec

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc

pytestmark = pytest.mark.skipif(find_spec("torch") is None, reason="there is no PyTorch")

TEXTS = [["Shares", "in", "Lidl", "rose", "."], ["Xqqz", "-", "3"], ["MERKEL"]]


def test_both_compute_the_same_before_and_after_parameters_were_changed() -> None:
    """For several texts at once, which do not see each other; with words that have no vector."""
    import torch
    from forms import Forms
    from mirror import Mirror, padded

    nlp = spacy.load("en_newstally")
    forms = Forms(word for text in TEXTS for word in text)
    mirror = Mirror(nlp, forms, 0.1).eval()
    seen = []
    mirror.head.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    words = torch.from_numpy(padded([forms.numbers(text) for text in TEXTS]))
    for change in (0.0, 0.01):
        with torch.no_grad():
            for parameter in mirror.parameters():
                parameter.add_(change)
            mirror(words)
        mirror.write(nlp)
        docs = [Doc(nlp.vocab, words=text) for text in TEXTS]
        expected = np.concatenate(nlp.get_pipe("tok2vec").model.predict(docs))  # type: ignore[attr-defined]
        assert np.abs(seen[-1][words >= 0].numpy() - expected).max() < 1e-4
