"""The moves of spaCy's entity recognizer, as its decoder orders them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from newstally_extractor.fast.unsupported import Unsupported

Classes = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """Which class of the scores is which move. Labels are numbered.

    Outside an entity a token can begin one (B), be one (U) or be none (O). Inside one it can go on
    (I) or be its last (L), with the entity's label. Of equal scores the lowest class wins.
    """

    labels: tuple[str, ...]
    outside: Classes
    """The classes that are open to a token outside, ascending: all of B and U, and O."""
    begins: npt.NDArray[np.bool_]
    """Of each of `outside`: it is a B."""
    none: int
    """Where O is in `outside`."""
    label: Classes
    """Of each of `outside`: its label; 0 for O."""
    inside: Classes
    """(labels,) the class of each label's I."""
    last: Classes
    """(labels,) the class of each label's L."""


def read_moves(names: Sequence[str]) -> Moves:
    """Make sense of the moves' names in the order of their classes: "B-GPE", ..., "O".

    Raises Unsupported when they are not complete.
    """
    classes = {name: number for number, name in enumerate(names)}
    labels = tuple(name[2:] for name in names if name.startswith("B-"))
    # "U-" without a label only ever follows entities set beforehand, which there are none of.
    complete = {f"{move}-{label}" for label in labels for move in "BILU"} | {"O"}
    if set(classes) - {"U-"} != complete or len(classes) != len(names) or not labels:
        raise Unsupported("its moves are not those of spaCy's entity recognizer")
    outside = [name for name in names if name == "O" or (name[0] in "BU" and name != "U-")]
    return Moves(
        labels=labels,
        outside=np.array([classes[name] for name in outside], np.intp),
        begins=np.array([name[0] == "B" for name in outside]),
        none=outside.index("O"),
        label=np.array([labels.index(name[2:]) if name != "O" else 0 for name in outside], np.intp),
        inside=np.array([classes[f"I-{label}"] for label in labels], np.intp),
        last=np.array([classes[f"L-{label}"] for label in labels], np.intp),
    )
