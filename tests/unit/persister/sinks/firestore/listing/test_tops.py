"""Lists of what is mentioned most are exact, or known not to be, whatever is left out."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from newstally_persister.sinks.firestore.compact.listing import tops
from newstally_persister.sinks.firestore.compact.listing.tops import (
    LabelTop,
    Listed,
    Sizes,
    Top,
    Tops,
)
from newstally_persister.sinks.firestore.compact.rows import Entity

SIZES = Sizes(rows=3, label_rows=2, labels=2, kept=3)
ENTITIES = st.builds(Entity, st.sampled_from("abcdefghijklmnop"), st.sampled_from("XYZ"))
COUNTS = dict[Entity, tuple[int, int]]


def recounted(counts: COUNTS) -> Tops:
    """Sort everything, plainly."""
    rows = sorted(
        (Listed(*entity, entity.text.upper(), *of) for entity, of in counts.items()),
        key=lambda row: (-row.mentions, row.text, row.label),
    )
    labels: dict[str, list[Listed]] = {}
    for row in rows:
        labels.setdefault(row.label, []).append(row)
    chosen = sorted(labels, key=lambda label: (-labels[label][0].mentions, label))[:2]
    return Tops(
        tuple(rows[:3]),
        len(rows) > 3,
        tuple(
            LabelTop(label, tuple(labels[label][:2]), len(labels[label]) > 2)
            for label in sorted(chosen)
        ),
        len(labels) > 2,
    )


@settings(max_examples=300)
@given(
    st.dictionaries(ENTITIES, st.tuples(st.integers(1, 6), st.integers(1, 3)), max_size=30),
    st.lists(st.tuples(ENTITIES, st.integers(1, 5), st.integers(1, 2)), max_size=60),
)
def test_a_list_is_what_sorting_everything_gives(
    before: COUNTS, added: list[tuple[Entity, int, int]]
) -> None:
    """After what was there is offered, and after each addition: exact, or None.

    Right after offering it is never None, whatever ties there are.
    """
    counts = dict(before)
    top = Top(SIZES)
    for entity, of in before.items():
        top.offer(entity, *of, entity.text.upper())
    assert top.lists() == recounted(counts)
    for entity, mentions, articles in added:
        top.add(entity, mentions, articles, entity.text.upper())
        had = counts.get(entity, (0, 0))
        counts[entity] = (had[0] + mentions, had[1] + articles)
        found = top.lists()
        assert found is None or found == recounted(counts)
        assert len(top) <= 3 * 2 * SIZES.kept


def test_what_overtakes_from_outside_is_noticed() -> None:
    """An entity that is not held, and grows past the list's end, makes the list unknown."""
    top = Top(Sizes(rows=2, label_rows=2, labels=1, kept=2))
    for number in range(10):
        top.offer(Entity(f"{number}", "X"), 100 - number, 1, "")
    assert top.lists() is not None
    for _ in range(5):
        top.add(Entity("9", "X"), 1, 1, "")
    assert top.lists() is None


def test_growth_far_behind_the_end_changes_nothing() -> None:
    """Entities that come and go behind the list need no reading, for a long time."""
    top = Top(Sizes(rows=2, label_rows=2, labels=1, kept=20))
    for number in range(100):
        top.offer(Entity(f"{number:02}", "X"), 1_000 if number < 2 else 3, 1, "")
    for number in range(1_000):
        top.add(Entity(f"new {number}", "X"), 1, 1, "")
    found = top.lists()
    assert found is not None
    assert [row.text for row in found.rows] == ["00", "01"]


def test_guesses_that_are_taken_for_counts_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: some list is wrong then."""
    row = tops._Row
    monkeypatch.setattr(tops, "_Row", lambda *of, exact: row(*of, exact=exact or True))
    draw = random.Random(1)
    wrong = 0
    for _ in range(200):
        top, counts = Top(SIZES), COUNTS()
        for _ in range(60):
            entity = Entity(draw.choice("abcdefghijklmnop"), draw.choice("XY"))
            had = counts.get(entity, (0, 0))
            counts[entity] = (had[0] + 1, had[1] + 1)
            top.add(entity, 1, 1, entity.text.upper())
        wrong += top.lists() not in (None, recounted(counts))
    assert wrong
