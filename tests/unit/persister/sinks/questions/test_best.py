"""The first of a list, exactly, without having looked at all of it."""

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.sinks.questions.best import Best

ENTITIES = st.lists(
    st.tuples(st.integers(1, 6), st.integers(0, 6)).map(lambda n: (max(n), min(n))), max_size=30
)
"""(mentions of all days, mentions within some)."""


@given(ENTITIES, st.integers(1, 6), st.none() | st.integers(0, 29), st.integers(1, 4))
def test_what_is_settled_is_what_a_sort_gives(
    counts: list[tuple[int, int]], wanted: int, after_index: int | None, at_a_time: int
) -> None:
    """And it is settled at the latest when nothing is left."""
    # Texts in the wrong order: among equal scores those that come late stand first.
    rows = [(total, some, f"{99 - n}", "L") for n, (total, some) in enumerate(sorted(counts)[::-1])]
    full = sorted((-some, text, label) for _, some, text, label in rows)
    after = None
    if after_index is not None and full:
        score, *names = full[after_index % len(full)]
        after = (-score, *names)
        full = full[after_index % len(full) + 1 :]
    best: Best[tuple[int, str, str]] = Best(wanted, after)  # type: ignore[arg-type]
    for begin in range(0, len(rows), at_a_time):
        for _, some, text, label in rows[begin : begin + at_a_time]:
            best.add((some, text, label), (-some, text, label))
        rest = rows[begin + at_a_time :]
        if best.is_settled(rest[0][0] if rest else 0):
            break
    assert list(best.items()) == full[:wanted]
