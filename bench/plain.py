"""What a user would write instead: `nlp.pipe` on two processes, counting in dictionaries.

    python bench/plain.py ARTICLES OUT [--batch-size N] [--limit N]

Prints the seconds from the first text to the last count, the model loaded before; writes the counts
to OUT. A process of its own, because `nlp.pipe` forks.
"""

import argparse
import pickle
import sys
import time
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import spacy
from newstally_extractor.html.plain import make_reader
from newstally_extractor.names.counting import make_counter
from newstally_extractor.pipelines.cutting import cut
from newstally_extractor.pipelines.entities import entities_of
from newstally_extractor.settings import ExtractorSettings
from recount import Counts, add, read

PROCESSES = 2


def main() -> None:
    """Count, and print how long it took."""
    parser = argparse.ArgumentParser(description="Count with nlp.pipe on two processes.")
    parser.add_argument("articles", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--limit", type=int, default=None)
    args = parser.parse_args()
    nlp = spacy.load(args.model)
    settings = ExtractorSettings()
    counter = make_counter(settings)
    plain, _ = make_reader(settings.html)
    articles = islice(read(args.articles), args.limit)
    pairs = [(cut(plain(text)), publication) for publication, text in articles]
    counts: Counts = {}
    began = time.monotonic()
    docs = nlp.pipe(pairs, as_tuples=True, n_process=PROCESSES, batch_size=args.batch_size)
    for doc, publication in docs:
        add(counts, publication, counter.count(doc.text, entities_of(doc)))
    print(time.monotonic() - began)
    args.out.write_bytes(pickle.dumps(counts))


if __name__ == "__main__":
    main()
