"""Sparklines: a row of numbers as a row of signs. Pure."""

from collections.abc import Sequence

BLOCKS = "_▁▂▃▄▅▆▇█"
PLAIN = "_.:-=+*#@"
"""Where blocks cannot be written; the first stands for none, the last for the most, likewise."""


def spark(numbers: Sequence[float], width: int, *, signs: str = BLOCKS) -> str:
    """Return at most `width` signs; each stands for as many neighbours as are needed, added up.

    What is not zero never looks like zero. No numbers, no signs.
    """
    sums = binned(numbers, width)
    most = max(sums, default=0)
    steps = len(signs) - 1
    return "".join(signs[0] if not n else signs[max(1, round(steps * n / most))] for n in sums)


def per_sign(numbers: int, width: int) -> int:
    """Return how many neighbours a sign stands for; the last may have fewer."""
    return max(1, -(-numbers // width))


def binned(numbers: Sequence[float], width: int) -> list[float]:
    """Return the sums of neighbours, at most `width` of them."""
    step = per_sign(len(numbers), width)
    return [sum(numbers[begin : begin + step]) for begin in range(0, len(numbers), step)]


def signs_for(encoding: str | None) -> str:
    """Return the signs that an encoding can write."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS
