"""Hard sentences, made up for measuring: companies that look like people, teams, capitals, titles.

They lie in `models/hard/sentences.tsv`, one a line: the kind of difficulty, a tab, and the text
with its names marked as `{name|LABEL}`. They are never trained on.
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

from corpora import LABELS, CorporaError, Document

HARD = Path(__file__).resolve().parents[1] / "hard" / "sentences.tsv"
SOURCE = "hard"

_MARKED = re.compile(r"\{([^{}|]+)\|([A-Z_]+)\}")


def read_hard(path: Path = HARD) -> dict[str, list[Document]]:
    """Return the sentences by their kind, `hard/company` say.

    Raises CorporaError, with the line's number, for a line that is not as described above.
    """
    kinds: defaultdict[str, list[Document]] = defaultdict(list)
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if line and not line.startswith("#"):
            kind, tab, marked = line.partition("\t")
            if not tab or not kind:
                raise CorporaError(f"{path}:{number}: a kind, a tab and a sentence are wanted")
            kinds[f"{SOURCE}/{kind}"].append(_document(f"{path.name}:{number}", marked))
    return dict(kinds)


def _document(place: str, marked: str) -> Document:
    text, entities, end = "", [], 0
    for found in _MARKED.finditer(marked):
        name, label = found.groups()
        if label not in LABELS:
            raise CorporaError(f"{place}: {label} is none of {', '.join(LABELS)}")
        text += marked[end : found.start()]
        entities.append((len(text), len(text) + len(name), label))
        text, end = text + name, found.end()
    text += marked[end:]
    if set(text) & set("{|}") or not entities:
        raise CorporaError(f"{place}: the names are not marked as {{name|LABEL}}")
    return Document(SOURCE, place, text, tuple(entities))
