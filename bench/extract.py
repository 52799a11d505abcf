"""Measure extraction on one core: `nlp.pipe` against the fast path, on the same articles.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python bench/extract.py [--model en_newstally]

What is compared alternates, and is timed by the processor's clock, so that a busy machine does not
decide; medians are reported. Both have seen other articles before, and none of those that are
timed: new words are part of the work, and new names of what deciding on names takes, which is
measured beside it. With `--warm 1` that is from a cold start. Two processes side by side are timed
by the wall clock. Ends with the line `fast/stock=X.XX equal=N/N`.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median

import spacy
from newstally_extractor.fast import FastPipeline, prove
from newstally_extractor.names.counting import Counter, CountsTexts, make_counter
from newstally_extractor.pipelines.cutting import cut
from newstally_extractor.pipelines.entities import stock_entities
from newstally_extractor.settings import ExtractorSettings
from spacy.language import Language

ROOT = Path(__file__).resolve().parent.parent
REAL = ROOT.parent / "shared" / "articles" / "articles.jsonl.gz"
SAMPLE = ROOT / "sample" / "articles.jsonl"
BATCH_SIZES = (16, 64, 256)
BATCH_CHARACTERS = 256 * 1024
"""What the extractor takes as one model batch."""


def read_articles(path: Path | None) -> tuple[list[str], str]:
    """Return texts, as engines read them, and where they are from.

    The sample is repeated to 3,000, each copy changed.
    """
    chosen = path or (REAL if REAL.exists() else SAMPLE)
    packed = chosen.read_bytes()
    lines = gzip.decompress(packed) if chosen.suffix == ".gz" else packed
    texts = [cut(json.loads(line)["content"]) for line in lines.splitlines()]
    if chosen != SAMPLE:
        return texts, f"{len(texts)} articles of {chosen.name}"
    copies = itertools.count()
    repeated = [f"{text} {next(copies)}" for _ in range(-(-3000 // len(texts))) for text in texts]
    return repeated, f"{len(texts)} sample articles, repeated to {len(repeated)}"


def batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Cut as the extractor does: by characters."""
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and size + len(text) > BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text)
    yield batch


def run_stock(nlp: Language, texts: Sequence[str], batch_size: int) -> int:
    """Extract with spaCy; return how many entities there are."""
    return sum(len(doc.ents) for doc in nlp.pipe(texts, batch_size=batch_size))


def run_fast(fast: FastPipeline, texts: Sequence[str]) -> int:
    """Extract with the fast path; return how many entities there are."""
    return sum(len(found) for batch in batches(texts) for found in fast.mentions(batch))


def run_counters(
    fast: FastPipeline, counters: Sequence[Counter], texts: Sequence[str]
) -> list[float]:
    """Count with each, batch by batch as the extractor does; return the seconds of each."""
    took = [0.0] * len(counters)
    turns = list(enumerate(counters))
    for batch in batches(texts):
        found = fast.entities(batch)
        turns.reverse()  # who comes first finds nothing in the processor's cache
        for place, counter in turns:
            started = time.process_time()
            for text, entities in zip(batch, found, strict=True):
                counter.count(text, entities)
            took[place] += time.process_time() - started
    return took


def seconds(run: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return how long it takes: by default of this process's own time on its core."""
    started = clock()
    run()
    return clock() - started


def worker(model: str, kind: str, texts: Sequence[str], ready: object, go: object) -> None:
    """One of two processes: loads, warms up, waits for the other, works through its half."""
    nlp = spacy.load(model)
    fast = FastPipeline.from_nlp(nlp)
    warm, work = texts[: len(texts) // 4], texts[len(texts) // 4 :]

    def run(some: Sequence[str]) -> int:
        return run_fast(fast, some) if kind == "fast" else run_stock(nlp, some, 64)

    run(warm)
    ready.put(None)  # type: ignore[attr-defined]
    go.wait()  # type: ignore[attr-defined]
    took = seconds(lambda: run(work), time.perf_counter)
    ready.put((len(work), took))  # type: ignore[attr-defined]


def two_processes(model: str, kind: str, texts: Sequence[str]) -> float:
    """Return articles per second of two replicas side by side, each with half of the articles."""
    context = multiprocessing.get_context("spawn")
    ready, go = context.Queue(), context.Event()
    halves = texts[::2], texts[1::2]
    processes = [context.Process(target=worker, args=(model, kind, h, ready, go)) for h in halves]
    for process in processes:
        process.start()
    for _ in processes:
        ready.get(timeout=300)
    go.set()
    done = [ready.get(timeout=600) for _ in processes]
    for process in processes:
        process.join(timeout=60)
    return float(sum(articles / took for articles, took in done))


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description="Compare nlp.pipe with the fast path.")
    parser.add_argument("--model", default="en_newstally", help="a spaCy pipeline (a name or path)")
    parser.add_argument("--articles", type=Path, default=None, help="JSON lines with `content`")
    parser.add_argument("--count", type=int, default=2000, help="articles that are timed")
    parser.add_argument("--warm", type=int, default=500, help="articles that both see before")
    parser.add_argument("--rounds", type=int, default=10, help="how often both take turns")
    args = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        if os.environ.get(name) != "1":
            parser.error(f"set {name}=1: this measures one core")

    texts, origin = read_articles(args.articles)
    timed = texts[: args.count]
    warm = texts[args.count : args.count + args.warm] or timed
    nlp = spacy.load(args.model)
    fast = FastPipeline.from_nlp(nlp)
    if reason := prove(nlp, fast):
        parser.error(f"the fast path does not reproduce this pipeline: {reason}")
    words = {text: len(nlp.make_doc(text)) for text in timed}
    print(f"{args.model}; {origin}; {len(timed)} timed, {sum(words.values())} words")

    run_fast(fast, warm)
    tried = {
        size: min(seconds(lambda size=size: run_stock(nlp, warm[:150], size)) for _ in range(2))  # type: ignore[misc]
        for size in BATCH_SIZES
    }
    best = min(tried, key=tried.__getitem__)
    print(f"best batch size of nlp.pipe: {best} of {BATCH_SIZES}")

    settings = ExtractorSettings()
    as_found = CountsTexts(settings.excluded_labels)
    counters = (make_counter(settings), as_found)
    run_counters(fast, counters, warm)
    stock_rates, fast_rates, ratios, names_take = [], [], [], []
    for turn in range(args.rounds):
        part = timed[turn :: args.rounds]
        count = sum(words[text] for text in part)
        took = {
            "fast": seconds(lambda part=part: run_fast(fast, part)),  # type: ignore[misc]
            "stock": seconds(lambda part=part: run_stock(nlp, part, best)),  # type: ignore[misc]
        }
        stock_rates.append((count / took["stock"], len(part) / took["stock"]))
        fast_rates.append((count / took["fast"], len(part) / took["fast"]))
        ratios.append(took["stock"] / took["fast"])
        named, counted = run_counters(fast, counters, part)
        names_take.append((named / len(part), (named - counted) / (took["fast"] + counted)))
        print(
            f"  round {turn + 1}: {ratios[-1]:.2f}, names {100 * names_take[-1][1]:.1f} %",
            flush=True,
        )
    for name, rates in (("nlp.pipe", stock_rates), ("fast", fast_rates)):
        print(
            f"{name}: {median(rate for rate, _ in rates):,.0f} words/s, "
            f"{median(rate for _, rate in rates):,.1f} articles/s on one core"
        )
    print(
        f"names: {1e3 * median(each for each, _ in names_take):.2f} ms an article, "
        f"{100 * median(share for _, share in names_take):.1f} % on top of extraction"
    )
    pair = timed[: len(timed) // 2]
    for kind in ("stock", "fast"):
        rate = two_processes(args.model, kind, pair)
        print(f"{kind}, two processes: {rate:,.1f} articles/s together")
    expected = [each for batch in batches(timed) for each in stock_entities(nlp, batch)]
    found = [each for batch in batches(timed) for each in fast.entities(batch)]
    equal = sum(one == other for one, other in zip(found, expected, strict=True))
    print(f"fast/stock={median(ratios):.2f} equal={equal}/{len(timed)}")


if __name__ == "__main__":
    main()
