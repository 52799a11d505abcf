"""How many uploads of an owner are open."""

from weakref import WeakSet

from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.values.open_uploads import OPEN_SECONDS, OpenUploads

STEPS = st.tuples(st.sampled_from("op"), st.integers(0, 5), st.floats(0, 2 * OPEN_SECONDS))


@given(st.lists(STEPS, max_size=30))
def test_no_more_uploads_are_open_than_the_limit(steps: list[tuple[str, int, float]]) -> None:
    """One that is open stays so while something comes; the others make room in an hour.

    Another owner's take no room.
    """
    uploads, now = OpenUploads(), 0.0
    opened: dict[tuple[str, int], float] = {}
    for owner, number, seconds in steps:
        now += seconds
        still = {key for key, at in opened.items() if at > now - OPEN_SECONDS}
        others = [key for key in still - {(owner, number)} if key[0] == owner]
        let_in = uploads.open(owner, f"u{number}", 2, now)
        assert let_in == ((owner, number) in still or len(others) < 2)
        if let_in:
            opened[owner, number] = now


class Text(str):
    """A text of which it can be told whether anybody still has it."""


def test_nothing_is_kept_of_who_went_silent() -> None:
    """Else every owner there ever was would have its uploads of a day in memory, for good."""
    uploads, kept = OpenUploads(), WeakSet[Text]()
    for number in range(100):
        owner, upload_id = Text(f"o{number}"), Text(f"u{number}")
        kept.update((owner, upload_id))
        uploads.open(owner, upload_id, 1, 0.0)
        uploads.open(owner, "over the limit", 1, 0.0)
        del owner, upload_id
    assert len(kept) == 200
    uploads.open("another", "u", 1, OPEN_SECONDS)
    assert not kept
