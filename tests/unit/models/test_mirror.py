"""What PyTorch trains is what spaCy runs: the same numbers, whichever of the two computes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import en_newstally
import numpy as np
import pytest
from spacy.language import Language
from spacy.tokens import Doc

torch = pytest.importorskip("torch", reason="PyTorch is for training alone")

from decisions import Decisions, states_of  # noqa: E402
from distillation import Plan, Training  # noqa: E402
from forms import Forms  # noqa: E402
from mirror import Mirror, padded  # noqa: E402
from tags import TAGS  # noqa: E402

TEXTS = (
    "Xqqz - 3",
    "Merkel",
    "BERLIN - Angela Merkel met French President Emmanuel Macron in Paris on Tuesday.",
    "The United Nations Security Council wrote to the Bank of England in New York City.",
)


def parameters(nlp: Language) -> dict[str, bytes]:
    pipes: dict[str, Any] = {name: nlp.get_pipe(name) for name in nlp.pipe_names}
    return {name: pipe.model.to_bytes() for name, pipe in pipes.items()}


def tags_of(docs: list[Doc]) -> np.ndarray[Any, Any]:
    """Return the tags of what was found, as probabilities of 0 or 1, with padding around."""
    rows = [token for doc in docs for token in doc]
    found = np.zeros((len(rows), len(TAGS)), np.float32)
    for row, token in enumerate(rows):
        tag = f"{token.ent_iob_}-{token.ent_type_}" if token.ent_type_ else "O"
        found[row, TAGS.index(tag)] = 1
    return found


def test_the_mirror_computes_what_spacy_computes() -> None:
    """Tokens' vectors and moves' scores agree, along the states that spaCy goes through.

    For several texts at once, which do not see each other; for words that have no vector; and after
    all parameters were changed and written back.
    """
    nlp = en_newstally.load()
    docs = list(nlp.pipe(TEXTS))
    assert sum(len(entity) > 1 for doc in docs for entity in doc.ents) >= 3
    forms = Forms(token.text for doc in docs for token in doc)
    mirror, decisions = Mirror(nlp, forms, 0.1).eval(), Decisions(nlp, 0.1).eval()
    agree(nlp, docs, forms, mirror, decisions)
    with torch.no_grad():
        for number, parameter in enumerate([*mirror.parameters(), *decisions.parameters()]):
            parameter.add_(0.001 * (number + 1))
    mirror.write(nlp)
    decisions.write(nlp)
    agree(nlp, list(nlp.pipe(TEXTS)), forms, mirror, decisions)


def agree(nlp: Language, docs: list[Doc], forms: Forms, mirror: Mirror, moves: Decisions) -> None:
    words = torch.from_numpy(padded([forms.numbers([token.text for token in doc]) for doc in docs]))
    real = words >= 0
    tags = torch.nn.functional.one_hot(torch.zeros_like(words), len(TAGS)).float()
    tags[real] = torch.from_numpy(tags_of(docs))
    with torch.inference_mode():
        rows = mirror(words)
        scores = moves(rows, states_of(real, tags)).numpy()
    vectors = np.concatenate([doc.tensor for doc in docs])
    np.testing.assert_allclose(rows[real].numpy(), vectors, atol=1e-4)

    ner: Any = nlp.get_pipe("ner")
    place = 0
    for doc in docs:
        step, (state,) = ner.model.predict([doc]), ner.moves.init_batch([doc])
        while not state.is_final():
            (theirs,) = step.predict([state])
            np.testing.assert_allclose(scores[place], theirs, atol=2e-4)
            ner.transition_states([state], theirs[None])
            place += 1
    assert place == len(scores)


def test_what_is_written_back_is_what_was_read() -> None:
    nlp = en_newstally.load()
    before = parameters(nlp)
    forms = Forms(["Berlin", "met"])
    Mirror(nlp, forms, 0.1).write(nlp)
    Decisions(nlp, 0.1).write(nlp)
    assert parameters(nlp) == before


def test_a_right_decision_costs_least() -> None:
    """With the teacher sure of "Angela Merkel met", any other move costs more than its own."""
    nlp = en_newstally.load()
    decisions = Decisions(nlp, 0.1).eval()
    tags = torch.zeros(4, len(TAGS))
    for row, tag in enumerate(("B-PERSON", "I-PERSON", "O", "O")):
        tags[row, TAGS.index(tag)] = 1
    real = torch.tensor([True, True, True, False])
    states = states_of(real, tags)
    assert states.tolist() == [[0, -1, -1], [1, 0, 0], [2, -1, -1]]
    ner: Any = nlp.get_pipe("ner")
    names = ner.move_names
    right = [names.index("B-PERSON"), names.index("L-PERSON"), decisions.moves["O"].item()]

    def cost(moves: list[int]) -> float:
        scores = torch.zeros(3, len(names) + 1)
        for row, move in enumerate(moves):
            scores[row, move] = 8
        return float(decisions.loss(scores, states, tags))

    assert cost(right) < 0.1
    for row, wrong in ((0, "U-PERSON"), (0, "B-ORG"), (1, "I-PERSON"), (2, "U-GPE")):
        moves = list(right)
        moves[row] = names.index(wrong)
        assert cost(moves) > 2


def states(*tags: str) -> list[list[int]]:
    """Return the states of tokens with these tags; a "-" is padding between two texts."""
    real = torch.tensor([tag != "-" for tag in tags])
    rows = torch.zeros(len(tags), len(TAGS))
    for row, tag in enumerate(tags):
        rows[row, TAGS.index("O" if tag == "-" else tag)] = 1
    found: list[list[int]] = states_of(real, rows).tolist()
    return found


def test_a_name_is_open_from_its_second_token_to_its_last() -> None:
    assert states("B-ORG", "I-ORG", "I-ORG", "O") == [
        [0, -1, -1],
        [1, 0, 0],
        [2, 0, 1],
        [3, -1, -1],
    ]


def test_a_name_right_behind_another_is_not_inside_of_it() -> None:
    assert states("B-ORG", "I-ORG", "B-GPE", "I-GPE")[2:] == [[2, -1, -1], [3, 2, 2]]


def test_no_name_goes_on_in_the_next_text() -> None:
    """Even if what is probable there could go on with one."""
    assert states("B-ORG", "I-ORG", "-", "I-ORG", "O")[2:] == [[3, -1, -1], [4, -1, -1]]


def test_a_training_that_was_left_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    """So several can share their first steps; what they read afterwards makes them differ."""
    docs = list(en_newstally.load().pipe(TEXTS))
    said = [(doc, tags_of([doc]).astype(np.float16)) for doc in docs]
    forms = Forms(token.text for doc in docs for token in doc)
    plan = Plan(steps=6, words=10)

    def training() -> tuple[Language, Training]:
        nlp = en_newstally.load()
        return nlp, Training(nlp, said, forms, plan)

    first, of_first = training()
    of_first.run(3, [], plan.seed)
    of_first.leave(tmp_path / "state")
    left = parameters(first)
    found = []
    for seed in (5, 5, 6):
        nlp, gone_on = training()
        gone_on.take_up(tmp_path / "state")
        gone_on.run(plan.steps, [], seed)
        found.append(parameters(nlp))
    of_first.run(plan.steps, [], 5)
    assert parameters(first) == found[0] == found[1]
    assert found[0] != found[2]
    assert found[0] != left
