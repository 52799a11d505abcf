"""`make economy`: how many Firestore writes do 1,000 articles take, by flush window?

    python tools/economy.py ARTICLES

Extracts the articles once (the result is kept in the temporary directory), records them in a
journal, cuts it every so many articles, and counts the writes of the commits that the Firestore
sink makes of each flush, its mark and its receipts' expiry included. Beside it stands the least
that the layout allows, counted plainly: distinct pairs of publication and entity per window, plus
publications and receipts.
"""

import argparse
import hashlib
import json
import pickle
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import spacy
from recount import read

from newstally_extractor.entities import count_mentions
from newstally_extractor.settings import ExtractorSettings

Mentions = dict[tuple[str, str], int]
Extracted = list[tuple[str, Mentions]]
"""Per article: the publication as sent, and its entities' mentions."""


def extract(path: Path, model: str) -> Extracted:
    """Return what the extractor finds, from an earlier run where there was one."""
    nlp = spacy.load(model)
    excluded = ExtractorSettings().excluded_labels
    identity = hashlib.sha256(path.read_bytes())
    identity.update(json.dumps(sorted(excluded)).encode())
    identity.update(nlp.to_bytes())
    store = Path(tempfile.gettempdir(), f"newstally-economy-{identity.hexdigest()[:24]}.pickle")
    if store.exists():
        found: Extracted = pickle.loads(store.read_bytes())  # noqa: S301 - made by this program
        return found
    pairs = ((content, publication) for publication, content in read(path))
    extracted = [
        (publication, count_mentions(((e.text, e.label_) for e in doc.ents), excluded))
        for doc, publication in nlp.pipe(pairs, as_tuples=True, batch_size=64)
    ]
    scratch = store.with_suffix(".new")
    scratch.write_bytes(pickle.dumps(extracted))
    scratch.rename(store)
    return extracted
