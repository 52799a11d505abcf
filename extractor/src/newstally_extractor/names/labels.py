"""One label for one text of an article."""

from collections import Counter
from collections.abc import Iterable


def one_label_each(labelled: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the label that most mentions of each key have; of several such, the first found.

    A pipeline decides mention by mention; what an article calls by one name is one thing.
    """
    labels: dict[str, str] = {}
    most: dict[str, int] = {}
    for (key, label), mentions in Counter(labelled).items():
        if mentions > most.get(key, 0):
            labels[key], most[key] = label, mentions
    return labels
