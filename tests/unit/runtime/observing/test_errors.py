"""Errors in groups: one for each place and kind, bounded, and without a word of any text."""

from itertools import count

from hypothesis import given
from hypothesis import strategies as st
from newstally_runtime.observing.errors import GROUPS, Errors, Group, fingerprint
from newstally_runtime.observing.tracebacks import CHAIN, FRAMES, Frame, Raised, raised

SECRET = "Angela Merkel met nobody"
TEXTS = st.text(max_size=300)
FRAME = st.builds(Frame, TEXTS, st.integers(0, 10_000), TEXTS)
RAISED = st.lists(st.builds(Raised, TEXTS, st.lists(FRAME, max_size=12)), max_size=4)


def broken(depth: int = 0) -> None:
    if depth:
        broken(depth - 1)
    raise KeyError(SECRET)


def caught(depth: int = 0) -> Exception:
    """Return an exception that was caused by another one."""
    try:
        try:
            broken(depth)
        except KeyError as error:
            raise ValueError(f"no {SECRET}") from error
    except ValueError as error:
        return error
    raise AssertionError


def test_an_exception_is_its_types_and_frames() -> None:
    """Outermost first; then what caused it."""
    outer, inner = raised(caught())
    assert (outer.kind, inner.kind) == ("ValueError", "KeyError")
    assert [frame.function for frame in outer.frames] == ["caught"]
    assert [frame.function for frame in inner.frames] == ["caught", "broken"]
    assert SECRET not in repr([outer, inner])


def test_what_is_kept_of_one_is_bounded() -> None:
    """The innermost frames are kept, and a chain that goes on and on is cut."""
    found = raised(caught(depth=200))
    assert sum(len(each.frames) for each in found) == FRAMES
    assert found[1].frames[-1].function == "broken"
    error: Exception = ValueError()
    for _ in range(50):
        following = ValueError()
        following.__cause__ = error
        error = following
    assert len(raised(error)) == CHAIN
    error.__cause__ = error
    assert len(raised(error)) == 1


def test_in_a_group_of_exceptions_the_first_is_followed() -> None:
    """A task group raises one, and what failed stands in it."""
    group = ExceptionGroup("several", [caught(), KeyError()])
    assert [each.kind for each in raised(group)] == ["ExceptionGroup", "ValueError", "KeyError"]


def own(line: int, function: str = "run", file: str = "newstally_gateway/app.py") -> Raised:
    return Raised("ValueError", [Frame(file, line, function), Frame("asyncio/locks.py", 3, "wait")])


def test_a_fingerprint_stays_when_lines_move() -> None:
    """And changes with the function, the type, the event and the service."""
    usual = fingerprint("gateway", "failed", [own(10)])
    assert fingerprint("gateway", "failed", [own(99)]) == usual
    library = Raised("ValueError", [own(10).frames[0], Frame("asyncio/other.py", 1, "other")])
    assert fingerprint("gateway", "failed", [library]) == usual
    others = {
        fingerprint("gateway", "failed", [own(10, "walk")]),
        fingerprint("gateway", "failed", [Raised("KeyError", own(10).frames)]),
        fingerprint("gateway", "stopped", [own(10)]),
        fingerprint("persister", "failed", [own(10)]),
        fingerprint("gateway", "failed", []),
    }
    assert len(others | {usual}) == 6


def test_the_same_error_is_counted() -> None:
    """With when it was seen first and last; those seen last come first."""
    clock = count(100.0)
    errors = Errors("gateway", lambda: next(clock))
    errors.note("failed", [own(1)])
    errors.note("other", [])
    errors.note("failed", [own(2)])
    last, first = errors.groups()
    assert (last.event, last.count, last.first, last.last) == ("failed", 2, 100.0, 102.0)
    assert last.raised == [own(2)]
    assert (first.event, first.kind, first.count) == ("other", "", 1)


def test_the_group_that_was_not_seen_for_longest_goes() -> None:
    """However many kinds of errors there are."""
    errors = Errors("gateway", lambda: 0.0)
    for number in range(GROUPS):
        errors.note(f"event {number}", [])
    errors.note("event 0", [])
    errors.note("one more", [])
    events = [group.event for group in errors.groups()]
    assert len(events) == GROUPS
    assert {"event 0", "one more"} <= {*events}
    assert "event 1" not in events
    assert errors.forgotten == 1


@given(st.lists(st.tuples(TEXTS, RAISED), max_size=60), st.integers(2_000, 20_000))
def test_the_groups_stay_within_their_bytes(
    noted: list[tuple[str, list[Raised]]], limit: int
) -> None:
    """Whatever is noted; every note is in a group, or its group was forgotten."""
    errors = Errors("gateway", lambda: 0.0, limit)
    for event, each in noted:
        errors.note(event, each)
        groups = errors.groups()
        assert sum(group.size_bytes for group in groups) <= limit or len(groups) == 1
        assert groups[0].event == event[:200]
    kept = sum(group.count for group in errors.groups())
    assert kept == len(noted) if not errors.forgotten else kept < len(noted)
    assert all(_is_cut(group) for group in errors.groups())


def _is_cut(group: Group) -> bool:
    files = [frame.file for each in group.raised for frame in each.frames]
    return all(len(text) <= 200 for text in (group.event, group.kind, *files))


def test_a_group_keeps_the_trace_of_the_last_time_that_had_one() -> None:
    """Whoever looks at an error finds what it happened in."""
    errors = Errors("gateway", lambda: 0.0)
    errors.note("stream failed", [], "a" * 32)
    errors.note("stream failed", [])
    errors.note("other", [], "b" * 10_000)
    other, failed = errors.groups()
    assert (failed.trace_id, failed.count) == ("a" * 32, 2)
    assert other.trace_id == "b" * 32
