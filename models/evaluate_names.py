"""Measure how mentions are put under names: `python models/evaluate_names.py FILE`.

FILE has a document per line (JSON Lines, also .gz): `{"text", "names": [{"label", "mentions":
[[start, end], ...]}]}`, every named thing with all its mentions, as people said. Over all pairs of
mentions of one document that have the same label (PER, ORG, LOC), a pair is right if the extractor,
given the mentions, counts both under one name, and people put both into one, too.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from newstally_extractor.names.aliases import load_aliases
from newstally_extractor.names.naming import Namer

LABELS = {
    "PER": "PERSON",
    "ORG": "ORG",
    "LOC": "GPE",
    "MISC": "MISC",
    "NORP": "NORP",
    "TIME": "DATE",
    "NUM": "CARDINAL",
}
"""What the pipeline calls what the file calls so."""
MEASURED = ("PER", "ORG", "LOC")


@dataclass
class Pairs:
    """How many pairs of mentions have one name."""

    both: int = 0
    """As people say and as the extractor counts."""
    counted: int = 0
    """As the extractor counts."""
    said: int = 0
    """As people say."""

    def add(self, other: Pairs) -> None:
        """Add another's pairs."""
        self.both += other.both
        self.counted += other.counted
        self.said += other.said

    def __str__(self) -> str:
        """Return precision, recall and F1 in percent."""
        return (
            f"P={_percent(self.both, self.counted):.1f} R={_percent(self.both, self.said):.1f} "
            f"F1={_percent(2 * self.both, self.counted + self.said):.1f}"
        )


def measure(namer: Namer, documents: Iterable[dict[str, Any]]) -> dict[str, Pairs]:
    """Return the pairs of each measured label."""
    result = {label: Pairs() for label in MEASURED}
    for document in documents:
        mentions = sorted(
            (start, end, name["label"], number)
            for number, name in enumerate(document["names"])
            for start, end in name["mentions"]
        )
        names = namer.names(
            document["text"], [(start, end, LABELS[label]) for start, end, label, _ in mentions]
        )
        for measured, pairs in result.items():
            # What is not counted is under no name: each such mention is alone.
            of_label = [
                (number, name or place)
                for place, ((_, _, label, number), name) in enumerate(
                    zip(mentions, names, strict=True)
                )
                if label == measured
            ]
            pairs.add(
                Pairs(
                    both=_pairs(of_label),
                    counted=_pairs(name for _, name in of_label),
                    said=_pairs(number for number, _ in of_label),
                )
            )
    return result


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the documents of a file."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    # Not splitlines: what else ends a line may stand in a text.
    for line in content.decode().split("\n"):
        if line:
            yield json.loads(line)


def _pairs(items: Iterable[object]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(items).values())


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


def main() -> None:
    """Parse the command line and print a line per label, then one for all."""
    parser = argparse.ArgumentParser(description="Measure how mentions are put under names.")
    parser.add_argument("file", type=Path, help="documents with names, JSON Lines, also .gz")
    parser.add_argument("--aliases", type=Path, help="as of the extractor")
    args = parser.parse_args()
    total = Pairs()
    for label, pairs in measure(Namer(load_aliases(args.aliases)), read(args.file)).items():
        print(label, pairs)
        total.add(pairs)
    print("names", total)


if __name__ == "__main__":
    main()
