"""Quantities of the Kubernetes API."""

import re

_FACTORS = {
    "": 1.0,
    "m": 1e-3,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "Ki": 2.0**10,
    "Mi": 2.0**20,
    "Gi": 2.0**30,
    "Ti": 2.0**40,
}


def parse(quantity: str | int) -> float:
    """Return a quantity as a number. Raises ValueError."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)", str(quantity))
    if match is None:
        raise ValueError(f"{quantity!r} is no quantity")
    return float(match[1]) * _FACTORS[match[2]]
