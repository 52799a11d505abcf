"""Which of two spellings of one entity is shown."""

import re

_SMALL = re.compile("[a-z]")
_CAPITAL = re.compile("[A-Z]")


def better(one: str, other: str) -> str:
    """Return the better spelling; an empty one is none.

    One with capitals and small letters is better than one in capitals or in small letters only, and
    of such the one that sorts first, which has the capitals first. Associative, commutative and
    idempotent: the best of many does not depend on the order in which they come.
    """
    return min(one, other, key=_order) if one and other else one or other


def _order(text: str) -> tuple[bool, str]:
    return not (_SMALL.search(text) and _CAPITAL.search(text)), text


BETTER_SQL = (
    "CASE WHEN {new} IS NULL THEN {old} WHEN {old} IS NULL THEN {new} "
    "WHEN ({old} <> upper({old}) AND {old} <> lower({old})) = "
    "({new} <> upper({new}) AND {new} <> lower({new})) THEN min({old}, {new}) "
    "WHEN {old} <> upper({old}) AND {old} <> lower({old}) THEN {old} ELSE {new} END"
)
"""The same of two columns in SQLite, whose upper and lower know ASCII only; NULL is none."""
