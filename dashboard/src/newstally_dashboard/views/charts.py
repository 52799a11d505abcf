"""What pictures show, for static/charts.js. Pure."""

from collections.abc import Iterable, Sequence
from itertools import chain, count
from typing import Any

from newstally_protos.v1.tally_pb2 import EntityTally

from newstally_dashboard.addresses.places import Pairs, address
from newstally_dashboard.views.bins import Bin
from newstally_dashboard.views.figures import entity_name, label_name

Chart = dict[str, Any]
BARS = 15
WORDS = 80
LONGEST_NAME = 60
"""Characters of a name in a picture."""


def entity_address(tally: EntityTally, period: Pairs = ()) -> str:
    """Return the address of an entity's page."""
    return address("/entity", (("text", tally.text), ("label", tally.label), *period))


def clipped(text: str) -> str:
    """Return a name as a picture shows it."""
    return text if len(text) <= LONGEST_NAME else text[: LONGEST_NAME - 1] + "…"


def told_apart(names: Sequence[str]) -> list[str]:
    """Return the names, the second of the same with a number: a picture knows lines by name."""
    shown: list[str] = []
    for name in names:
        spellings = chain([name], (f"{name} ({number})" for number in count(2)))
        shown.append(next(each for each in spellings if each not in shown))
    return shown


def bars(tallies: Sequence[EntityTally], period: Pairs) -> Chart:
    """Return the first entities as bars."""
    return {"kind": "bars", "items": _items(tallies[:BARS], period)}


def cloud(tallies: Sequence[EntityTally], period: Pairs) -> Chart:
    """Return the first entities as words."""
    return {"kind": "cloud", "items": _items(tallies[:WORDS], period)}


def lines(names: Sequence[str], every: Sequence[Sequence[Bin]], measure: str, unit: str) -> Chart:
    """Return histories as lines; `measure` is a field of Bin."""
    points = [each.begin for each in every[0]] if every else []
    shown = told_apart([clipped(name) for name in names])
    return {
        "kind": "lines",
        "unit": unit,
        "points": points,
        "series": [
            {
                "name": name,
                "values": [_rounded(getattr(each, measure)) for each in bins],
            }
            for name, bins in zip(shown, every, strict=True)
        ],
    }


def _items(tallies: Iterable[EntityTally], period: Pairs) -> list[dict[str, object]]:
    return [
        {
            "name": clipped(entity_name(tally)),
            "label": label_name(tally.label),
            "value": tally.mentions,
            "href": entity_address(tally, period),
        }
        for tally in tallies
    ]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
