"""Small lines without axes, as SVG. Pure."""

from collections.abc import Sequence

WIDTH, HEIGHT = 160, 32
_MARGIN = 2.0
_LINE = "#3d7ea6"
"""Readable on light and on dark."""


def spark(values: Sequence[float]) -> str:
    """Return a line through the values, from zero to the largest, as a picture of its own.

    It has no text and no style, so that nothing in it needs a policy.
    """
    most = max(values, default=0) or 1
    step = (WIDTH - 2 * _MARGIN) / max(1, len(values) - 1)
    high = HEIGHT - 2 * _MARGIN
    points = [
        (round(_MARGIN + step * at, 1), round(_MARGIN + high * (1 - value / most), 1))
        for at, value in enumerate(values)
    ]
    if len(points) == 1:
        points.append((WIDTH - _MARGIN, points[0][1]))
    line = " ".join(f"{x},{y}" for x, y in points)
    floor = HEIGHT - _MARGIN
    area = f"{_MARGIN},{floor} {line} {WIDTH - _MARGIN},{floor}" if points else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" preserveAspectRatio="none">'
        f'<polygon points="{area}" fill="{_LINE}" fill-opacity="0.15"/>'
        f'<polyline points="{line}" fill="none" stroke="{_LINE}" stroke-width="1.5"'
        ' stroke-linejoin="round" vector-effect="non-scaling-stroke"/></svg>'
    )
