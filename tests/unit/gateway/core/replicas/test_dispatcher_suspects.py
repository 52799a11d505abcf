import pytest
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, Poisoned, Window
from unit.gateway.core.builders import task

WINDOW = Window(articles=4, size_bytes=1000)


def with_suspects(count: int, *links: str) -> Dispatcher:
    """Return a dispatcher with articles 0 to count - 1 of "s" suspect, and fresh links."""
    dispatcher = Dispatcher(120.0)
    dispatcher.link_up("first", "first", Window(count, 10_000), 0.0)
    for offset in range(count):
        dispatcher.add(task("s", offset))
    attempts = dispatcher.assign(0.0)
    dispatcher.started("first", [attempt.attempt_id for attempt in attempts], 0.0)
    assert dispatcher.link_down("first", clean=False) == []
    assert dispatcher.suspects == count
    for link in links:
        dispatcher.link_up(link, link, WINDOW, 0.0)
    return dispatcher


def die_alone(dispatcher: Dispatcher, attempt: Attempt) -> list[Poisoned]:
    assert attempt.alone
    dispatcher.started(attempt.link, [attempt.attempt_id], 0.0)
    return list(dispatcher.link_down(attempt.link, clean=False))


def test_each_link_tries_one_suspect_at_a_time() -> None:
    """Several suspects proceed on several links; the rest wait for their turn, in order."""
    dispatcher = with_suspects(3, "a", "b")
    attempts = dispatcher.assign(0.0)
    assert [(a.task.offset, a.link, a.alone) for a in attempts] == [(0, "a", True), (1, "b", True)]
    assert dispatcher.answered("b", attempts[1].attempt_id, 0.0) == attempts[1].task
    assert [(a.task.offset, a.link) for a in dispatcher.assign(0.0)] == [(2, "b")]


def test_suspects_go_before_new_work_and_beside_it() -> None:
    """A trial does not keep a link from other work."""
    dispatcher = with_suspects(2, "a")
    dispatcher.add(task("t", 0))
    attempts = dispatcher.assign(0.0)
    assert [(a.task.stream, a.alone) for a in attempts] == [("s", True), ("t", False)]


@pytest.mark.parametrize("size", [100, 400, 900])
def test_a_suspect_gets_its_turn_on_a_link_that_is_always_busy(size: int) -> None:
    """The only link keeps room for it: new work does not take what becomes free."""
    dispatcher = Dispatcher(120.0)
    dispatcher.link_up("a", "a", WINDOW, 0.0)
    dispatcher.add(task("s", 0, size))
    (attempt,) = dispatcher.assign(0.0)
    dispatcher.link_up("b", "b", WINDOW, 0.0)
    for offset in range(100):
        dispatcher.add(task("t", offset, 200))
    outstanding = [other for other in dispatcher.assign(0.0) if other.link == "b"]
    assert len(outstanding) == 4
    dispatcher.started("a", [attempt.attempt_id], 0.0)
    dispatcher.link_down("a", clean=False)
    for _ in range(4):
        assert dispatcher.answered("b", outstanding.pop(0).attempt_id, 0.0)
        outstanding += dispatcher.assign(0.0)
    assert [other.task.offset for other in outstanding if other.alone] == [0]


def test_two_deaths_alone_on_two_instances_are_poison() -> None:
    """It is given up, and forgotten."""
    dispatcher = with_suspects(1, "a", "b")
    (first,) = dispatcher.assign(0.0)
    assert die_alone(dispatcher, first) == []
    (second,) = dispatcher.assign(0.0)
    assert second.link == "b"
    assert die_alone(dispatcher, second) == [Poisoned(first.task)]
    assert (dispatcher.queued, dispatcher.outstanding, dispatcher.suspects) == (0, 0, 0)


def test_two_breaks_with_the_same_instance_are_no_poison() -> None:
    """A connection that breaks twice proves little about an article."""
    dispatcher = with_suspects(1, "a")
    (first,) = dispatcher.assign(0.0)
    assert die_alone(dispatcher, first) == []
    dispatcher.link_up("again", "a", WINDOW, 0.0)
    (second,) = dispatcher.assign(0.0)
    assert die_alone(dispatcher, second) == []
    assert dispatcher.suspects == 1


def test_four_deaths_alone_on_one_instance_are_poison() -> None:
    """Where there is only one replica, and it lives on, no article holds up its upload for ever."""
    dispatcher = with_suspects(1, "a")
    poisoned: list[Poisoned] = []
    deaths = 0
    while not poisoned and deaths < 10:
        (attempt,) = dispatcher.assign(0.0)
        poisoned = die_alone(dispatcher, attempt)
        deaths += 1
        dispatcher.link_up(f"a {deaths}", "a", WINDOW, 0.0)
    assert (deaths, len(poisoned)) == (4, 1)
    assert (dispatcher.queued, dispatcher.outstanding, dispatcher.suspects) == (0, 0, 0)


def test_another_instance_is_preferred_and_waited_for() -> None:
    """A suspect is tried where a death would prove something, if there is such a place."""
    dispatcher = with_suspects(2, "a", "b")
    first, second = dispatcher.assign(0.0)
    die_alone(dispatcher, first)
    dispatcher.link_up("a again", "a", WINDOW, 0.0)
    assert dispatcher.assign(0.0) == []
    dispatcher.answered("b", second.attempt_id, 0.0)
    (third,) = dispatcher.assign(0.0)
    assert (third.task.offset, third.link) == (0, "b")


def test_a_suspect_is_cleared_by_an_answer() -> None:
    """A result alone is a result."""
    dispatcher = with_suspects(1, "a")
    (attempt,) = dispatcher.assign(0.0)
    dispatcher.started("a", [attempt.attempt_id], 0.0)
    assert dispatcher.answered("a", attempt.attempt_id, 0.0) == attempt.task
    assert (dispatcher.suspects, dispatcher.queued) == (0, 0)


def test_a_death_before_the_start_is_the_replicas() -> None:
    """A trial that did not begin is repeated, first of all, and counts as nothing."""
    dispatcher = with_suspects(2, "a")
    for link in ("a", "b", "c"):
        (attempt,) = dispatcher.assign(0.0)
        assert (attempt.task.offset, attempt.link) == (0, link)
        assert dispatcher.link_down(link, clean=False) == []
        dispatcher.link_up(chr(ord(link) + 1), link, WINDOW, 0.0)


def test_a_death_with_others_running_is_no_death_alone() -> None:
    """Whose answers were under way cannot be told from whose work killed the replica."""
    dispatcher = with_suspects(1, "a")
    dispatcher.add(task("t", 0))
    trial, other = dispatcher.assign(0.0)
    for link, instance in (("b", "b"), ("c", "c"), ("d", "d")):
        dispatcher.started(trial.link, [other.attempt_id], 0.0)
        dispatcher.started(trial.link, [trial.attempt_id], 0.0)
        assert dispatcher.link_down(trial.link, clean=False) == []
        dispatcher.link_up(link, instance, WINDOW, 0.0)
        (trial,) = dispatcher.assign(0.0)
        dispatcher.discard("t")
        dispatcher.add(task(link, 0))
        (other,) = dispatcher.assign(0.0)


@pytest.mark.parametrize("announced", [True, False])
def test_a_clean_end_makes_no_suspects(announced: bool) -> None:
    """After Draining, or when it ends in good order, a replica's leftovers are queued again."""
    dispatcher = Dispatcher(120.0)
    dispatcher.link_up("a", "a", WINDOW, 0.0)
    dispatcher.add(task("s", 0))
    (attempt,) = dispatcher.assign(0.0)
    dispatcher.started("a", [attempt.attempt_id], 0.0)
    if announced:
        dispatcher.link_draining("a")
    dispatcher.link_down("a", clean=not announced)
    assert (dispatcher.suspects, dispatcher.queued) == (0, 1)


def test_a_suspect_stays_one_after_a_clean_end() -> None:
    """Its trial did not take place."""
    dispatcher = with_suspects(1, "a", "b")
    (attempt,) = dispatcher.assign(0.0)
    dispatcher.started("a", [attempt.attempt_id], 0.0)
    dispatcher.link_draining("a")
    assert dispatcher.link_down("a", clean=False) == []
    (again,) = dispatcher.assign(0.0)
    assert again.alone


def test_suspects_of_a_discarded_stream_vanish() -> None:
    """Waiting, promised a place, or on a link: no trial and no poison for nobody."""
    dispatcher = with_suspects(3, "a")
    (attempt,) = dispatcher.assign(0.0)
    dispatcher.discard("s")
    assert (dispatcher.suspects, dispatcher.queued) == (0, 0)
    assert dispatcher.assign(0.0) == []
    assert die_alone(dispatcher, attempt) == []
    dispatcher.link_up("b", "b", WINDOW, 0.0)
    assert dispatcher.assign(0.0) == []
