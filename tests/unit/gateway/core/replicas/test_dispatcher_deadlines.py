from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Window
from unit.gateway.core.builders import task

TIMEOUT = 100.0


def busy(count: int) -> tuple[Dispatcher, list[int]]:
    """Return a dispatcher whose only link got `count` articles at time 0, and their ids."""
    dispatcher = Dispatcher(TIMEOUT)
    dispatcher.link_up("a", "a", Window(100, 10_000), now=0.0)
    for offset in range(count):
        dispatcher.add(task("s", offset))
    return dispatcher, [attempt.attempt_id for attempt in dispatcher.assign(0.0)]


def test_an_idle_link_has_no_deadline() -> None:
    """Silence is no fault of a link that owes nothing."""
    dispatcher, _ = busy(0)
    assert dispatcher.next_deadline(0.0) is None
    assert dispatcher.expired(10_000.0) == []


def test_a_link_that_begins_to_owe_is_given_the_whole_time() -> None:
    """How long it was idle before does not count."""
    dispatcher, _ = busy(0)
    dispatcher.add(task("s", 0))
    dispatcher.assign(5000.0)
    assert dispatcher.next_deadline(0.0) == 5000.0 + TIMEOUT


def test_a_started_article_has_its_time_from_the_start() -> None:
    """What else is heard on the link does not lengthen it."""
    dispatcher, ids = busy(3)
    dispatcher.started("a", ids[:1], 50.0)
    dispatcher.started("a", ids[1:2], 120.0)
    dispatcher.answered("a", ids[1], 149.0)
    assert dispatcher.next_deadline(0.0) == 150.0
    assert dispatcher.expired(149.9) == []
    assert dispatcher.expired(150.0) == ["a"]


def test_a_silent_link_expires() -> None:
    """A replica that starts nothing and answers nothing is broken."""
    dispatcher, _ = busy(1)
    assert dispatcher.expired(TIMEOUT) == ["a"]
    assert dispatcher.link_down("a", 0.0, clean=False) == []
    assert dispatcher.suspects == 0


def test_waiting_behind_others_on_a_live_link_is_no_fault() -> None:
    """A long queue is worked off as long as the replica is heard of."""
    dispatcher, ids = busy(4)
    for number, attempt_id in enumerate(ids[:3]):
        dispatcher.started("a", [attempt_id], 90.0 * number)
        dispatcher.answered("a", attempt_id, 90.0 * (number + 1))
    assert dispatcher.expired(300.0) == []
    assert dispatcher.next_deadline(0.0) == 270.0 + TIMEOUT


def test_an_article_that_is_never_started_does_not_wait_for_ever() -> None:
    """A replica that forgot it while it works on others is broken in the end."""
    dispatcher, _ = busy(1)
    for now in range(50, 1000, 50):
        dispatcher.started("a", [], now)
        assert dispatcher.expired(now) == []
    assert dispatcher.next_deadline(0.0) == 1000.0
    assert dispatcher.expired(1000.0) == ["a"]


def test_what_waits_behind_a_hung_batch_is_not_suspect() -> None:
    """Only what was in the model batch that ran out of time is tried alone."""
    dispatcher, ids = busy(5)
    dispatcher.started("a", ids[:2], 1.0)
    assert dispatcher.expired(101.0) == ["a"]
    dispatcher.link_down("a", 0.0, clean=False)
    assert dispatcher.suspects == 2
    dispatcher.link_up("b", "b", Window(100, 10_000), 102.0)
    attempts = dispatcher.assign(102.0)
    assert [(a.task.offset, a.alone) for a in attempts] == [
        (0, True), (2, False), (3, False), (4, False),
    ]  # fmt: skip
