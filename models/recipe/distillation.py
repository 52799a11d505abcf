"""Teach the small model how sure the teacher is of each tag.

The teacher's probabilities say more than its choice: that a name is a company or else a place. What
people annotated stands; the teacher fills in what they left open. Of silver texts the labels count
half, of other texts the teacher says all.
The texts are varied anew each time they are read: other names, headlines, lower case, curly quotes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from decisions import Decisions, states_of
from forms import Forms
from mirror import Mirror, padded
from precision import lengthened, shortened
from prepare import Labelled
from scoring import measured
from spacy.language import Language
from spacy.tokens import Doc
from tags import TAGS, Probabilities
from torch import nn
from torch.nn import functional
from variations import Lesson, Part, Variations, Varying, lessons_of


@dataclass(frozen=True)
class Plan:
    """How the small model learns from the teacher.

    Several trainings share their first steps. They differ only in what they read after those.
    """

    steps: int = 14_000
    """Of one training, shared steps and all."""
    shared: int = 9_000
    words: int = 3_000
    """Of one step, at least."""
    rate: float = 3e-3
    """Falls to zero in the last step, in a straight line."""
    of_tables: float = 3.0
    """How many times as fast the tables learn: most of their rows are seldom read."""
    warmup: float = 0.05
    """Share of the steps in which the rate rises."""
    dropout: float = 0.02
    """Low, as the small model never learns all that the teacher says."""
    rare: float = 0.5
    """How often a word that is read once in a pass over the texts is taken for an unknown one."""
    averaged: float = 0.998
    """Share of the old parameters in their running mean, which is what is kept."""
    varying: Varying = field(default_factory=Varying)
    seed: int = 20240501


class Learner(nn.Module):  # type: ignore[misc]
    """The small model, and a layer of tags on top that is for learning only."""

    def __init__(self, nlp: Language, forms: Forms, plan: Plan) -> None:
        super().__init__()
        self.mirror = Mirror(nlp, forms, plan.dropout, plan.rare)
        self.decisions = Decisions(nlp, plan.dropout)
        self.decisions.start()
        self.tags = nn.Linear(self.mirror.width, len(TAGS))

    def forward(self, batch: Sequence[Part]) -> Any:
        """Return how far it is from what the teacher says, per token."""
        words = torch.from_numpy(padded([words for words, _ in batch]))
        real = words >= 0
        tags = functional.one_hot(torch.zeros_like(words), len(TAGS)).float()
        tags[real] = torch.from_numpy(np.concatenate([tags for _, tags in batch])).float()
        states = states_of(real, tags)
        with shortened():
            rows = self.mirror(words)
            found, moves = self.tags(rows[real]), self.decisions(rows, states)
        right = functional.log_softmax(found.float(), dim=1)
        tagged = -(tags[real] * right).sum() / len(states)
        return tagged + self.decisions.loss(moves.float(), states, tags)

    def matrices(self) -> list[Any]:
        """Return the matrices from one layer of values to the next."""
        layers = [layer.weight for layer in self.mirror.dense]
        if self.mirror.projection is not None:
            layers.append(self.mirror.projection)
        return [*layers, self.decisions.project[0], self.decisions.lower[0]]

    def write(self, nlp: Language) -> None:
        """Set the parameters of the pipeline."""
        self.mirror.write(nlp)
        self.decisions.write(nlp)


class Training:
    """A training that can be left after some steps, and gone on with from there."""

    def __init__(
        self, nlp: Language, said: Iterable[tuple[Doc, Probabilities]], forms: Forms, plan: Plan
    ) -> None:
        """`forms` has all words of what is `said`."""
        torch.manual_seed(plan.seed)
        self._nlp, self._forms, self._plan = nlp, forms, plan
        self._lessons = [lesson for doc, tags in said for lesson in lessons_of(doc, tags, forms)]
        self._learner = Learner(nlp, forms, plan)
        self._kept = [one.detach().clone() for one in self._learner.parameters()]
        self._optimizers = _optimizers(self._learner, plan)
        self._step = 0

    def run(self, until: int, dev: Sequence[Labelled], seed: int) -> None:
        """Learn until this step, from texts in an order drawn by `seed`, and fill the pipeline.

        Prints how good the pipeline is on `dev` every now and then.
        """
        torch.manual_seed(seed)
        plan, learner = self._plan, self._learner
        started, read, lost = time.monotonic(), 0, 0.0
        learner.train()
        batches = _batches(self._lessons, self._forms, plan, seed)
        for step in range(self._step + 1, until + 1):
            batch = next(batches)
            loss = learner(batch)
            loss.backward()
            nn.utils.clip_grad_norm_(learner.parameters(), 1.0)
            for optimizer in self._optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = group["most"] * _ramp(step / plan.steps, plan.warmup)
                with lengthened():
                    optimizer.step()
                optimizer.zero_grad()
            with torch.no_grad():
                share = min(plan.averaged, step / (step + 10))
                own = [parameter.data for parameter in learner.parameters()]
                torch._foreach_lerp_(self._kept, own, 1 - share)
            read += sum(len(words) for words, _ in batch)
            lost += float(loss.detach())
            if step % 100 == 0:
                speed = read / (time.monotonic() - started)
                print(f"step {step} of {plan.steps}: {lost / 100:.4f}, {speed:.0f} words/s")
                lost = 0.0
            if step % 1000 == 0 or step == until:
                self._fill()
                print(f"of the texts kept back: {measured(self._nlp, dev):.2f}", flush=True)
        self._step = until

    def leave(self, path: Path) -> None:
        """Write where it is."""
        optimizers = [optimizer.state_dict() for optimizer in self._optimizers]
        torch.save([self._learner.state_dict(), optimizers, self._kept, self._step], path)

    def take_up(self, path: Path) -> None:
        """Be where a training of the same plan was when it was left."""
        learner, optimizers, kept, self._step = torch.load(path, weights_only=True)
        self._learner.load_state_dict(learner)
        for optimizer, state in zip(self._optimizers, optimizers, strict=True):
            optimizer.load_state_dict(state)
        self._kept = kept

    def _fill(self) -> None:
        own = [parameter.detach().clone() for parameter in self._learner.parameters()]
        _keep(self._learner, self._kept)
        self._learner.write(self._nlp)
        _keep(self._learner, own)


def _optimizers(learner: Learner, plan: Plan) -> list[Any]:
    """Return what changes the parameters by their gradients.

    Muon changes all directions of a matrix alike, which takes fewer steps than AdamW. It is for
    matrices between layers, not for tables and offsets.
    """
    matrices, tables = learner.matrices(), list(learner.mirror.tables)
    apart = {id(one) for one in [*matrices, *tables]}
    others = [one for one in learner.parameters() if id(one) not in apart]
    adam = [
        {"params": others, "most": plan.rate},
        {"params": tables, "most": plan.rate * plan.of_tables},
    ]
    muon = [{"params": matrices, "most": plan.rate}]
    return [
        torch.optim.AdamW(adam, weight_decay=0.01, fused=True),
        torch.optim.Muon(muon, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"),
    ]


def _batches(
    lessons: Sequence[Lesson], forms: Forms, plan: Plan, seed: int
) -> Iterator[list[Part]]:
    variations = Variations(lessons, forms, plan.varying, seed)
    draw = random.Random(seed)
    batch: list[Part] = []
    size = 0
    while True:
        for lesson in draw.sample(lessons, len(lessons)):
            batch.append(variations.varied(lesson))
            size += len(batch[-1][0])
            if size >= plan.words:
                yield batch
                batch, size = [], 0


def _keep(learner: Learner, parameters: Iterable[Any]) -> None:
    with torch.no_grad():
        for own, kept in zip(learner.parameters(), parameters, strict=True):
            own.copy_(kept)


def _ramp(progress: float, warmup: float) -> float:
    return progress / warmup if progress < warmup else max(0.0, (1 - progress) / (1 - warmup))
