"""Show where the fast path's time goes, and how far it is from the bare matrix products.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python bench/stages.py [--count 2000]

Each stage is timed by the processor's clock inside a run over real articles, new words and all.
The bare products are those that the model cannot do without, of the same shapes in buffers that
stay in the cache.
"""

import argparse
import os
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import spacy
from extract import batches, read_articles
from newstally_extractor.fast import FastPipeline, pipeline
from newstally_extractor.fast.network.encoder import BLOCK_ROWS
from newstally_extractor.fast.network.parameters import Convolutions, Scorer
from newstally_extractor.fast.network.weights import read_scorer, read_tok2vec

WARM = 500

spent: defaultdict[str, float] = defaultdict(float)
inner: list[float] = []


def timed(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Add the time in `call`, without that of timed calls inside it, to the stage."""

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        inner.append(0.0)
        began = time.process_time()
        try:
            return call(*args, **kwargs)
        finally:
            took = time.process_time() - began
            spent[name] += took - inner.pop()
            if inner:
                inner[-1] += took

    return wrapped


def watch(fast: FastPipeline) -> None:
    """Time the stages of a pipeline from now on."""
    recognizer: Any = fast._recognizer  # noqa: SLF001 - its inside is what is looked at
    reader: Any = fast._reader  # noqa: SLF001
    reader._learn = timed("new chunks: spaCy's tokenizer", reader._learn)  # noqa: SLF001
    reader.read = timed("chunks to tokens", reader.read)
    pipeline.lay_out = timed("layout", pipeline.lay_out)  # type: ignore[attr-defined]
    table, encoder, decoder = recognizer._table, recognizer._encoder, recognizer._decoder  # noqa: SLF001
    table.rows = timed("embedding of new words, look-up", table.rows)
    encoder._first_layer = timed("first layer: look-ups, sums", encoder._first_layer)  # noqa: SLF001
    encoder._multiply_windows = timed("products of later layers", encoder._multiply_windows)  # noqa: SLF001
    encoder.encode = timed("maxout, norm, residual", encoder.encode)
    decoder.begun = timed("decoder: where entities begin", decoder.begun)
    recognizer._choose = timed("decoder: where they end", recognizer._choose)  # noqa: SLF001
    whole: Any = fast
    whole._hand_back = timed("handed back to nlp.pipe", whole._hand_back)  # noqa: SLF001
    whole.mentions = timed("spans to texts", whole.mentions)


def bare(convolutions: Convolutions, scorer: Scorer, tokens: int) -> float:
    """Return the seconds of the products alone: later layers, and scores of each token."""
    draw = np.random.default_rng(1)
    shapes = [layer.weights.shape for layer in convolutions.layers[1:]]
    width = convolutions.layers[0].width
    shapes.append((width, scorer.lower.shape[2]))
    if scorer.upper is not None:
        shapes.append(scorer.upper.shape)
    seconds = 0.0
    for rows, columns in shapes:
        left = draw.standard_normal((BLOCK_ROWS, rows)).astype(np.float32)
        right = draw.standard_normal((rows, columns)).astype(np.float32)
        out = np.empty((BLOCK_ROWS, columns), np.float32)
        np.matmul(left, right, out=out)
        began = time.process_time()
        for _ in range(tokens // BLOCK_ROWS):
            np.matmul(left, right, out=out)
        seconds += time.process_time() - began
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Show where the fast path's time goes.")
    parser.add_argument("--model", default="en_newstally")
    parser.add_argument("--articles", type=Path, default=None)
    parser.add_argument("--count", type=int, default=2000)
    args = parser.parse_args()
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        parser.error("set OPENBLAS_NUM_THREADS=1: this measures one core")
    texts, origin = read_articles(args.articles)
    texts, warm = texts[: args.count], texts[args.count : args.count + WARM]
    nlp = spacy.load(args.model)
    tokens = sum(len(nlp.make_doc(text)) for text in texts)
    fast = FastPipeline.from_nlp(nlp)
    for batch in batches(warm or texts[:WARM]):
        fast.mentions(batch)
    watch(fast)
    began = time.process_time()
    for batch in batches(texts):
        fast.mentions(batch)
    whole = time.process_time() - began
    print(f"{args.model}; {origin}; {len(texts)} articles, {tokens:,} tokens")
    print(f"{tokens / whole:,.0f} tokens/s, {1e6 * whole / tokens:.2f} microseconds a token")
    spent["the rest"] = whole - sum(spent.values())
    for name, seconds in sorted(spent.items(), key=lambda stage: -stage[1]):
        print(f"{100 * seconds / whole:5.1f} %  {1e6 * seconds / tokens:6.3f} us  {name}")
    recognizer: Any = nlp.get_pipe("ner")
    own: Any = recognizer.model.layers[0].layers[0]
    shared: Any = nlp.get_pipe("tok2vec").model if "tok2vec" in nlp.pipe_names else own  # type: ignore[attr-defined]
    convolutions = read_tok2vec(shared, nlp.vocab.vectors)[1]
    least = bare(convolutions, read_scorer(recognizer.model), tokens)
    print(
        f"bare products: {1e6 * least / tokens:.3f} us a token, "
        f"{100 * least / whole:.0f} % of the whole"
    )


if __name__ == "__main__":
    main()
