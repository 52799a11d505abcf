"""What waits on a link that is silent goes to one idle replica as well."""

from newstally_gateway.core.replicas.accounts import SILENCE_SECONDS
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, Window
from unit.gateway.core.builders import task

WINDOW = Window(articles=4, size_bytes=1000)


def silent(count: int, *idle: str) -> tuple[Dispatcher, list[Attempt]]:
    """Return a dispatcher whose link "a" got articles 0 to count - 1 at time 0; others are idle."""
    dispatcher = Dispatcher(100.0)
    dispatcher.link_up("a", "a", WINDOW, 0.0)
    for offset in range(count):
        dispatcher.add(task("s", offset))
    attempts = dispatcher.assign(0.0)
    for link in idle:
        dispatcher.link_up(link, link, WINDOW, 0.0)
    return dispatcher, attempts


def copies(dispatcher: Dispatcher, now: float) -> list[tuple[str, int]]:
    return [(str(a.link), a.task.offset) for a in dispatcher.assign(now)]


def test_the_first_answer_counts_and_the_other_means_nothing() -> None:
    """Whichever comes first; nothing is outstanding in the end."""
    for first in (0, 1):
        dispatcher, (original,) = silent(1, "b")
        assert dispatcher.assign(SILENCE_SECONDS - 0.1) == []
        assert dispatcher.next_deadline(0.0) == SILENCE_SECONDS
        (copy,) = dispatcher.assign(SILENCE_SECONDS)
        assert (copy.link, copy.task, copy.alone) == ("b", original.task, False)
        both = [original, copy]
        answers = [both[first], both[1 - first]]
        heard = [dispatcher.answered(a.link, a.attempt_id, 4.0) for a in answers]
        assert heard == [original.task, None]
        assert (dispatcher.queued, dispatcher.outstanding, dispatcher.outstanding_bytes) == (
            0,
            0,
            0,
        )


def test_it_is_given_to_one_other_only() -> None:
    """However long both are silent, and however many are idle."""
    dispatcher, _ = silent(1, "b", "c")
    assert len(dispatcher.assign(SILENCE_SECONDS)) == 1
    assert dispatcher.assign(3 * SILENCE_SECONDS) == []


def test_what_has_started_stays_where_it_is() -> None:
    """The replica works on it: it may take long."""
    dispatcher, attempts = silent(3, "b")
    dispatcher.started("a", [attempts[0].attempt_id], 1.0)
    assert copies(dispatcher, 1.0 + SILENCE_SECONDS) == [("b", 1), ("b", 2)]


def test_a_link_that_is_heard_of_is_not_doubted() -> None:
    """It works off its queue."""
    dispatcher, attempts = silent(3, "b")
    for number, attempt in enumerate(attempts[:2], 1):
        now = 2.0 * number
        dispatcher.answered("a", attempt.attempt_id, now)
        assert copies(dispatcher, now + 1.9) == []


def test_only_idle_replicas_get_copies_and_new_work_goes_first() -> None:
    """A replica with work of its own has enough to do; copies do not count as such."""
    dispatcher, _ = silent(3, "b")
    dispatcher.add(task("t", 0))
    (own,) = dispatcher.assign(1.0)
    assert own.link == "b"
    assert copies(dispatcher, SILENCE_SECONDS) == []
    dispatcher.answered("b", own.attempt_id, 4.0)
    assert copies(dispatcher, 4.0) == [("b", 0), ("b", 1), ("b", 2)]
    dispatcher.add(task("t", 1))
    assert copies(dispatcher, 4.0) == [("b", 1)]


def test_copies_stay_within_the_window() -> None:
    """The rest goes when there is room."""
    dispatcher, _ = silent(4)
    dispatcher.link_up("b", "b", Window(2, 1000), 0.0)
    first, _second = dispatcher.assign(SILENCE_SECONDS)
    assert copies(dispatcher, SILENCE_SECONDS) == []
    dispatcher.answered("b", first.attempt_id, 5.0)
    assert copies(dispatcher, 5.0) == [("b", 2)]


def test_suspects_are_never_doubled() -> None:
    """Two replicas must not die of one article at once."""
    dispatcher, attempts = silent(1)
    dispatcher.started("a", [attempts[0].attempt_id], 0.0)
    dispatcher.link_down("a", 0.0, clean=False)
    dispatcher.link_up("b", "b", WINDOW, 0.0)
    (trial,) = dispatcher.assign(0.0)
    assert trial.alone
    dispatcher.link_up("c", "c", WINDOW, 0.0)
    assert dispatcher.assign(10 * SILENCE_SECONDS) == []


def test_a_lost_link_leaves_its_copies_where_they_are() -> None:
    """They are not sent a third time, unless their link falls silent, too."""
    dispatcher, _ = silent(2, "b")
    assert len(dispatcher.assign(SILENCE_SECONDS)) == 2
    dispatcher.link_down("a", 4.0, clean=False)
    assert (dispatcher.queued, dispatcher.outstanding) == (0, 2)
    dispatcher.link_up("c", "c", WINDOW, 4.0)
    assert copies(dispatcher, 4.0) == []
    assert copies(dispatcher, 4.0 + SILENCE_SECONDS) == [("c", 0), ("c", 1)]
    dispatcher.link_down("b", 8.0, clean=False)
    dispatcher.link_down("c", 8.0, clean=False)
    assert (dispatcher.queued, dispatcher.outstanding, dispatcher.suspects) == (2, 0, 0)


def test_a_copy_of_what_is_discarded_is_forgotten_with_it() -> None:
    """Both answers mean nothing then."""
    dispatcher, (original,) = silent(1, "b")
    (copy,) = dispatcher.assign(SILENCE_SECONDS)
    dispatcher.discard("s")
    for attempt in (original, copy):
        assert dispatcher.answered(attempt.link, attempt.attempt_id, 5.0) is None
    assert dispatcher.outstanding == 0
