"""What the mean of trained pipelines is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from averaging import mean_of
from spacy.language import Language
from spacy.training import Example

Floats = np.ndarray[Any, Any]


def parameters(nlp: Language) -> Iterator[tuple[Any, str, Floats]]:
    for part in nlp.pipe_names:
        pipe: Any = nlp.get_pipe(part)
        for node in pipe.model.walk():
            for name in node.param_names:
                if node.has_param(name):
                    yield node, name, node.get_param(name)


@pytest.fixture(scope="module")
def save(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int, float], Path]:
    """Return what saves a pipeline of a width, everything in it larger by some amount."""

    def save(width: int, more: float) -> Path:
        nlp = spacy.blank("en")
        shape = {"width": width, "depth": 1, "embed_size": 20, "pretrained_vectors": None}
        model = {"@architectures": "spacy.HashEmbedCNN.v2", "window_size": 1, "maxout_pieces": 2}
        options = {"model": model | shape | {"subword_features": True}}
        nlp.add_pipe("tok2vec", config=options)
        doc = nlp.make_doc("Ada left")
        nlp.initialize(lambda: [Example(doc, doc)])
        for number, (node, name, value) in enumerate(parameters(nlp)):
            node.set_param(name, np.full_like(value, number + more))
        folder = tmp_path_factory.mktemp("pipeline")
        nlp.to_disk(folder)
        return folder

    return save


def test_every_parameter_is_the_mean_of_its_own(save: Callable[[int, float], Path]) -> None:
    """In all parts and layers; the pipelines themselves stay as they are."""
    folders = [save(8, 0.0), save(8, 1.0), save(8, 5.0)]
    found = [value for _, _, value in parameters(mean_of(folders))]
    assert len(found) > 5
    for number, value in enumerate(found):
        assert np.all(value == np.float32(number + 2.0))
    assert next(parameters(spacy.load(folders[0])))[2].max() == 0.0


def test_the_order_does_not_matter(save: Callable[[int, float], Path]) -> None:
    """Whoever trains the seeds in another order gets the same files."""
    first, second = save(8, 0.1), save(8, 1e-7)
    one, other = mean_of([first, second]), mean_of([second, first])
    for (_, _, a), (_, _, b) in zip(parameters(one), parameters(other), strict=True):
        assert np.array_equal(a, b)


def test_pipelines_of_other_shapes_have_no_mean(save: Callable[[int, float], Path]) -> None:
    """Rather than something made of a part of them."""
    with pytest.raises(ValueError, match="shape"):
        mean_of([save(8, 0.0), save(16, 0.0)])
