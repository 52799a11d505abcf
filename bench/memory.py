"""Measure the memory of the engine over many articles full of words never seen before.

    python bench/memory.py [--articles 200000] [--words 25] [--picture docs/memory.svg]

Each article brings that many new words (names no other article has) among common ones. Prints the
process's resident memory as it goes, and draws it. Ends with the line `growth=N MB peak=N MB`:
growth is what comes on top of the level after the first 10,000 articles.
"""

import argparse
import itertools
import random
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
from newstally_extractor.engines import make_engine
from newstally_extractor.settings import ExtractorSettings

BATCH = 64
COMMON = ("the", "of", "and", "President", "Obama", "said", "in", "Berlin", "on", "Monday", "that")
LEVEL = 10_000
WIDTH, HEIGHT, LEFT, BOTTOM = 640, 260, 60, 40

Point = tuple[int, float]
"""Articles so far, resident megabytes."""


def made_up(words: int) -> Iterator[str]:
    """Yield articles without end."""
    draw = random.Random(1)
    numbers = itertools.count()
    while True:
        new = [
            ("Zx" if number % 3 else "q") + format(number * 2654435761 % 2**40, "x")
            for number in itertools.islice(numbers, words)
        ]
        text = new + draw.choices(COMMON, k=15)
        draw.shuffle(text)
        yield " ".join(text) + "."


def resident_mb() -> float:
    """Return this process's resident memory."""
    return float(psutil.Process().memory_info().rss) / 1e6


def measure(articles: int, words: int, model: str, engine: str) -> list[Point]:
    """Extract and note the memory a hundred times."""
    it = make_engine(ExtractorSettings(model=model, engine=engine))
    print(f"{it.model} {it.model_version}, engine {it.name}")
    texts = made_up(words)
    points = [(0, resident_mb())]
    step = max(BATCH, articles // 100)
    for done in range(BATCH, articles + 1, BATCH):
        it.extract(list(itertools.islice(texts, BATCH)))
        if done // step > points[-1][0] // step:
            points.append((done, resident_mb()))
            if len(points) % 10 == 1:
                print(
                    f"{done:>9,} articles {done * words:>10,} words {points[-1][1]:6.0f} MB",
                    flush=True,
                )
    return points


def draw(points: Sequence[Point], title: str) -> str:
    """Draw the curve as SVG."""
    most_articles, top = points[-1][0], 100 * (int(max(mb for _, mb in points)) // 100 + 1)
    inner_width, inner_height = WIDTH - LEFT - 20, HEIGHT - BOTTOM - 30

    def x(articles: float) -> float:
        return LEFT + inner_width * articles / most_articles

    def y(megabytes: float) -> float:
        return HEIGHT - BOTTOM - inner_height * megabytes / top

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        f'<text x="{LEFT}" y="18">{title}</text>',
    ]
    for megabytes in range(0, top + 1, 100):
        at = y(megabytes)
        lines.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - 20}" stroke="#ddd"/>')
        lines.append(
            f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{megabytes} MB</text>'
        )
    for share in range(5):
        articles = most_articles * share // 4
        lines.append(
            f'<text x="{x(articles):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">'
            f"{articles:,}</text>"
        )
    lines.append(f'<text x="{WIDTH - 20}" y="{HEIGHT - 6}" text-anchor="end">articles</text>')
    curve = " ".join(f"{x(articles):.1f},{y(megabytes):.1f}" for articles, megabytes in points)
    lines.append(f'<polyline points="{curve}" fill="none" stroke="#06c" stroke-width="2"/></svg>')
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description="Measure the memory over many new words.")
    parser.add_argument("--articles", type=int, default=200_000)
    parser.add_argument("--words", type=int, default=25, help="new ones in each article")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--picture", type=Path, default=None, help="an .svg to draw it in")
    args = parser.parse_args()
    points = measure(args.articles, args.words, args.model, args.engine)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    if args.picture:
        words = args.articles * args.words
        args.picture.write_text(
            draw(points, f"Resident memory of a replica, {words:,} distinct words")
        )
    level = next((megabytes for articles, megabytes in points if articles >= LEVEL), points[-1][1])
    growth = max(megabytes for _, megabytes in points) - level
    print(f"growth={growth:.0f} MB peak={peak:.0f} MB")


if __name__ == "__main__":
    main()
