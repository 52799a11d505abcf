"""The mean of pipelines whose trainings began with the same parameters.

What each learnt by the chance of its texts' order evens out, and what they share stands. The mean
of pipelines that began differently is of no use: the same place in their layers means something
else in each.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from spacy.language import Language


def mean_of(folders: Sequence[Path]) -> Language:
    """Return the pipeline whose parameters are the mean of those in `folders`, alike in shape.

    Raises ValueError if a parameter has another shape in one of them.
    """
    pipelines = [spacy.load(folder) for folder in folders]
    mean = pipelines[0]
    for part in mean.pipe_names:
        pipes: list[Any] = [nlp.get_pipe(part) for nlp in pipelines]
        for nodes in zip(*(pipe.model.walk() for pipe in pipes), strict=True):
            for name in nodes[0].param_names:
                if nodes[0].has_param(name):
                    values = [node.get_param(name) for node in nodes]
                    # In double precision the order of the folders does not matter.
                    exact = np.stack(values).astype(np.float64).mean(axis=0)
                    nodes[0].set_param(name, exact.astype(values[0].dtype))
    return mean
