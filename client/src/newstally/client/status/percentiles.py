"""Percentiles of what is known in buckets only. Pure."""

from collections.abc import Sequence
from math import exp, log

PARTS = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""Those that are told."""


def percentile(bounds: Sequence[float], counts: Sequence[int], part: float) -> float | None:
    """Return about what this part of all values does not exceed; None if there are no values.

    `bounds` are the upper bounds of all buckets but the last, ascending and above 0; `counts` has
    one more. The result lies in the bucket of the true value: within it, values are taken to be
    spread evenly by their logarithms. What is over all bounds counts as the last bound.
    """
    left = part * sum(counts)
    if not any(counts):
        return None
    lower: float | None = None
    for bound, count in zip(bounds, counts, strict=False):
        if count and left <= count:
            if lower is None:
                return bound * left / count
            return exp(log(lower) + (log(bound) - log(lower)) * left / count)
        left -= count
        lower = bound
    return bounds[-1]


def merged(every: Sequence[Sequence[int]]) -> list[int]:
    """Return the sums over histograms of equal buckets."""
    return [sum(column) for column in zip(*every, strict=True)]
