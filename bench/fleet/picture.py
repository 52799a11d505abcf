"""The waiting of each scenario, as bars on a scale of powers of ten."""

import math
from collections.abc import Sequence

WIDTH, LEFT, TOP, BAR, GAP = 720, 190, 46, 11, 12
COLOURS = ("#0b6e4f", "#b0b7c3", "#8d99ae", "#4a5f8a")
LEAST_MILLIS, MOST_MILLIS = 1.0, 10_000.0

Row = tuple[str, str, float]
"""(scenario, way, milliseconds at the 99th percentile)."""


def draw(rows: Sequence[Row], title: str) -> str:
    """Draw the rows as SVG, the ways of a scenario below each other."""
    ways = list(dict.fromkeys(way for _, way, _ in rows))
    scenarios = list(dict.fromkeys(scenario for scenario, _, _ in rows))
    step = BAR * len(ways) + GAP
    bottom = TOP + step * len(scenarios)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 24}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{bottom + 24}" fill="white"/>',
        f'<text x="8" y="16" font-size="12">{title}</text>',
    ]
    for number, way in enumerate(ways):
        at = LEFT + 120 * number
        lines.append(f'<rect x="{at}" y="25" width="9" height="9" fill="{COLOURS[number]}"/>')
        lines.append(f'<text x="{at + 14}" y="33">{way}</text>')
    for power in range(round(math.log10(MOST_MILLIS / LEAST_MILLIS)) + 1):
        millis = LEAST_MILLIS * 10**power
        across = LEFT + _length(millis)
        lines.append(f'<path d="M{across:.1f} {TOP - 4}V{bottom}" stroke="#ddd"/>')
        lines.append(
            f'<text x="{across:.1f}" y="{bottom + 15}" text-anchor="middle">{millis:,.0f} ms</text>'
        )
    for scenario, way, millis in rows:
        place = step * scenarios.index(scenario)
        y = TOP + place + BAR * ways.index(way)
        if way == ways[0]:
            middle = TOP + place + BAR * len(ways) / 2 + 4
            lines.append(f'<text x="{LEFT - 8}" y="{middle}" text-anchor="end">{scenario}</text>')
        colour = COLOURS[ways.index(way)]
        lines.append(
            f'<rect x="{LEFT}" y="{y}" width="{_length(millis):.1f}" height="{BAR - 2}" '
            f'fill="{colour}"><title>{way}: {millis:.1f} ms</title></rect>'
        )
    return "\n".join([*lines, "</svg>"]) + "\n"


def _length(millis: float) -> float:
    inner = WIDTH - LEFT - 30
    share = math.log10(max(millis, LEAST_MILLIS) / LEAST_MILLIS)
    return inner * min(1.0, share / math.log10(MOST_MILLIS / LEAST_MILLIS))
