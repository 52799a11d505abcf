"""Teach the small model's tok2vec how sure the teacher is of each tag, before it learns to decide.

The teacher's probabilities say more than its choice: that a name is a company or else a place. What
people annotated stands; the teacher fills in what they left open, and says all of other texts.
The texts are varied anew each time they are read: other names, headlines, lower case, curly quotes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from development import HUMAN
from forms import Forms
from mirror import Mirror, padded
from prepare import Labelled
from scoring import pooled_f1
from spacy.language import Language
from spacy.tokens import Doc
from tags import Probabilities, best_path, spans
from torch import nn
from torch.nn import functional
from variations import Lesson, Part, Variations, Varying, lessons_of


@dataclass(frozen=True)
class Plan:
    """How the tok2vec learns from the teacher."""

    steps: int = 7_000
    words: int = 6_000
    """Of one step, at least."""
    rate: float = 3e-3
    warmup: float = 0.05
    dropout: float = 0.1
    averaged: float = 0.998
    """Share of the old parameters in their running mean, which is what is kept."""
    varying: Varying = field(default_factory=Varying)
    seed: int = 20240501


def distil(
    nlp: Language,
    said: Iterable[tuple[Doc, Probabilities]],
    dev: Sequence[Labelled],
    forms: Forms,
    plan: Plan,
) -> None:
    """Train the pipeline's tok2vec; prints how good its tags are on `dev` every now and then."""
    torch.manual_seed(plan.seed)
    lessons = [lesson for doc, tags in said for lesson in lessons_of(doc, tags, forms)]
    mirror = Mirror(nlp, forms, plan.dropout)
    kept = [parameter.detach().clone() for parameter in mirror.parameters()]
    optimizer = torch.optim.AdamW(mirror.parameters(), lr=plan.rate, weight_decay=0.01, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _ramp(step / plan.steps, plan.warmup)
    )
    started, read, lost = time.monotonic(), 0, 0.0
    for step, batch in enumerate(_batches(lessons, forms, plan), start=1):
        mirror.train()
        loss = _loss(mirror, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(mirror.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        with torch.no_grad():
            share = min(plan.averaged, step / (step + 10))
            torch._foreach_lerp_(kept, [p.data for p in mirror.parameters()], 1 - share)
        read += sum(len(words) for words, _ in batch)
        lost += float(loss.detach())
        if step % 100 == 0:
            rate = read / (time.monotonic() - started)
            print(f"step {step} of {plan.steps}: {lost / 100:.4f}, {rate:.0f} words/s", flush=True)
            lost = 0.0
        if step % 1000 == 0 or step == plan.steps:
            print(f"tags of the texts kept back: {_measured(mirror, kept, dev, forms):.2f}")
        if step == plan.steps:
            break
    _keep(mirror, kept)
    mirror.write(nlp)


def _batches(lessons: Sequence[Lesson], forms: Forms, plan: Plan) -> Iterator[list[Part]]:
    variations = Variations(lessons, forms, plan.varying, plan.seed)
    draw = random.Random(plan.seed)
    batch: list[Part] = []
    size = 0
    while True:
        for lesson in draw.sample(lessons, len(lessons)):
            batch.append(variations.varied(lesson))
            size += len(batch[-1][0])
            if size >= plan.words:
                yield batch
                batch, size = [], 0


def _loss(mirror: Mirror, batch: Sequence[Part]) -> Any:
    words = torch.from_numpy(padded([words for words, _ in batch]))
    tags = torch.from_numpy(np.concatenate([tags for _, tags in batch])).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        scores = mirror(words)
    right = functional.log_softmax(scores[words >= 0].float(), dim=1)
    return -(tags * right).sum() / len(tags)


def _measured(mirror: Mirror, kept: list[Any], dev: Sequence[Labelled], forms: Forms) -> float:
    """Return the folded F1 over what people annotated of the texts kept back, in percent."""
    own = [parameter.detach().clone() for parameter in mirror.parameters()]
    _keep(mirror, kept)
    mirror.eval()
    human = [one for one in dev if one.source in HUMAN]
    found: list[list[tuple[int, int, str]]] = []
    with torch.inference_mode():
        for one in human:
            numbers = forms.numbers([token.text for token in one.doc])
            words = torch.from_numpy(padded([numbers]))
            scores = functional.log_softmax(mirror(words)[words >= 0].float(), dim=1).numpy()
            found.append(list(spans(best_path(scores))))
    _keep(mirror, own)
    return pooled_f1(human, found)


def _keep(mirror: Mirror, parameters: Iterable[Any]) -> None:
    with torch.no_grad():
        for own, kept in zip(mirror.parameters(), parameters, strict=True):
            own.copy_(kept)


def _ramp(progress: float, warmup: float) -> float:
    return progress / warmup if progress < warmup else max(0.0, (1 - progress) / (1 - warmup))
