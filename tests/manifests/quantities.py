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


def canonical(quantity: str | int) -> str:
    """Return a quantity as the API server writes it: no fraction, the largest suffix that fits."""
    number = parse(quantity)
    binary = str(quantity).endswith("i")
    suffixes = ("Ti", "Gi", "Mi", "Ki", "") if binary else ("T", "G", "M", "k", "", "m")
    for suffix in suffixes:
        mantissa = round(number / _FACTORS[suffix], 6)
        if mantissa >= 1 and mantissa == int(mantissa):
            return f"{int(mantissa)}{suffix}"
    return "0"
