import pytest
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, Poisoned, Window
from unit.gateway.core.builders import task

WINDOW = Window(articles=4, size_bytes=1000)


TRIAL_SECONDS = 60.0
"""So that the first pause is 1 s, and a break 2 s before or after a death excuses it."""


def with_suspects(count: int, *links: str) -> Dispatcher:
    """Return a dispatcher with articles 0 to count - 1 of "s" suspect, and fresh links."""
    dispatcher = Dispatcher(120.0, TRIAL_SECONDS)
    dispatcher.link_up("first", "first", Window(count, 10_000), 0.0)
    for offset in range(count):
        dispatcher.add(task("s", offset))
    attempts = dispatcher.assign(0.0)
    dispatcher.started("first", [attempt.attempt_id for attempt in attempts], 0.0)
    assert dispatcher.link_down("first", 0.0, clean=False) == []
    assert dispatcher.suspects == count
    for link in links:
        dispatcher.link_up(link, link, WINDOW, 0.0)
    return dispatcher


def die_alone(dispatcher: Dispatcher, attempt: Attempt, now: float = 0.0) -> list[Poisoned]:
    assert attempt.alone
    dispatcher.started(attempt.link, [attempt.attempt_id], now)
    return list(dispatcher.link_down(attempt.link, now, clean=False))


class Replicas:
    """Replicas that are up again at once, as other instances, and an article that kills them."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.dispatcher = Dispatcher(120.0, TRIAL_SECONDS)
        self.now = 0.0
        self.instances = 0
        self.offset = 0
        for name in names:
            self.start(name)
        self.dispatcher.add(task("bad", 0))
        (attempt,) = self.dispatcher.assign(self.now)
        assert self.die(attempt) == []

    def start(self, name: str) -> None:
        self.instances += 1
        self.dispatcher.link_up(name, f"{name}{self.instances}", WINDOW, self.now)

    def die(self, attempt: Attempt) -> list[Poisoned]:
        """Let the replica die that works on it, and come again."""
        self.dispatcher.started(attempt.link, [attempt.attempt_id], self.now)
        poisoned = self.dispatcher.link_down(attempt.link, self.now, clean=False)
        self.start(str(attempt.link))
        return list(poisoned)

    def kill(self, name: str) -> None:
        """Let a replica die that does not work on it."""
        self.dispatcher.link_down(name, self.now, clean=False)
        self.start(name)

    def work(self) -> None:
        """Let another article be answered."""
        self.dispatcher.add(task("good", self.offset))
        self.offset += 1
        (attempt,) = self.dispatcher.assign(self.now)
        assert self.dispatcher.answered(attempt.link, attempt.attempt_id, self.now)

    def trial(self) -> Attempt:
        """Return the next trial, when its time has come."""
        while not (attempts := self.dispatcher.assign(self.now)):
            deadline = self.dispatcher.next_deadline(self.now)
            assert deadline is not None
            self.now = deadline
        (attempt,) = attempts
        assert attempt.alone
        return attempt


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
    dispatcher.link_down("a", 0.0, clean=False)
    for _ in range(4):
        assert dispatcher.answered("b", outstanding.pop(0).attempt_id, 0.0)
        outstanding += dispatcher.assign(0.0)
    assert [other.task.offset for other in outstanding if other.alone] == [0]


def test_deaths_on_two_instances_while_others_live_are_poison() -> None:
    """It is given up after two trials, and forgotten."""
    it = Replicas("a", "b")
    assert it.die(it.trial()) == []
    assert it.die(it.trial()) == [Poisoned(task("bad", 0))]
    assert it.now == 1.0
    assert (it.dispatcher.queued, it.dispatcher.suspects) == (0, 0)


@pytest.mark.parametrize("seconds", [-1.5, 1.5])
def test_a_death_while_others_die_does_not_count(seconds: float) -> None:
    """Neither when a replica without a suspect breaks shortly before, nor shortly after."""
    it = Replicas("a", "b", "c")
    it.now = 100.0
    for _ in range(4):
        attempt = it.trial()
        (other, *_) = {"a", "b", "c"} - {attempt.link}
        if seconds < 0:
            it.kill(other)
            it.now -= seconds
        assert it.die(attempt) == []
        if seconds > 0:
            it.now += seconds
            it.kill(other)
    it.now += 10.0
    assert it.die(it.trial()) == []
    assert len(it.die(it.trial())) == 1


def test_where_replicas_die_often_nothing_innocent_is_given_up() -> None:
    """Long after the first trial it is tried again, and answered when it gets the time."""
    it = Replicas("a", "b", "c")
    deaths = 0
    for second in range(40):
        it.now = 10.0 + second
        for attempt in it.dispatcher.assign(it.now):
            deaths += 1
            assert it.die(attempt) == []
        it.kill("abc"[second % 3])
    assert 4 <= deaths < 8
    it.now += 100.0
    trial = it.trial()
    assert it.dispatcher.answered(trial.link, trial.attempt_id, it.now) == trial.task


def test_the_only_replica_gives_up_after_four_deaths() -> None:
    """Each came after work that succeeded: the replica is not what is broken."""
    it = Replicas("a")
    for _ in range(3):
        assert it.die(it.trial()) == []
        it.work()
    assert len(it.die(it.trial())) == 1
    assert it.now == 1.0 + 2.0 + 4.0


@pytest.mark.parametrize("names", ["a", "ab"])
def test_nothing_is_tried_for_ever(names: str) -> None:
    """Nothing else succeeds, or others die all the time: then the eighth death is the last."""
    it = Replicas(*names)
    for _ in range(7):
        attempt = it.trial()
        if len(names) > 1:
            (other,) = {*names} - {attempt.link}
            it.kill(other)
        assert it.die(attempt) == []
    assert len(it.die(it.trial())) == 1
    assert it.now == TRIAL_SECONDS


def test_two_breaks_with_the_same_instance_are_no_poison() -> None:
    """A connection that breaks twice proves little about an article."""
    it = Replicas("a", "b")
    trial = it.trial()
    assert die_alone(it.dispatcher, trial, it.now) == []
    it.dispatcher.link_down("b" if trial.link == "a" else "a", it.now, clean=True)
    it.dispatcher.link_up("again", f"{trial.link}{3 if trial.link == 'a' else 2}", WINDOW, it.now)
    assert die_alone(it.dispatcher, it.trial(), it.now) == []
    assert it.dispatcher.suspects == 1


def test_what_died_alone_leaves_a_witness() -> None:
    """With two replicas only one tries a suspect that has died alone, and the other none."""
    dispatcher = with_suspects(3, "a", "b")
    first, second = dispatcher.assign(0.0)
    die_alone(dispatcher, first, 0.0)
    dispatcher.answered("b", second.attempt_id, 0.0)
    dispatcher.link_up("c", "c", WINDOW, 0.0)
    now = 1.0
    tried = dispatcher.assign(now)
    assert sorted((a.task.offset, a.alone) for a in tried) == [(2, True)]
    dispatcher.answered(tried[0].link, tried[0].attempt_id, now)
    assert [a.task.offset for a in dispatcher.assign(now)] == [0]


def test_another_instance_is_preferred_and_waited_for() -> None:
    """A suspect is tried where a death would prove something, if there is such a place."""
    dispatcher = with_suspects(2, "a", "b")
    first, second = dispatcher.assign(0.0)
    die_alone(dispatcher, first)
    dispatcher.link_up("a again", "a", WINDOW, 0.0)
    assert dispatcher.assign(1.0) == []
    dispatcher.answered("b", second.attempt_id, 1.0)
    (third,) = dispatcher.assign(1.0)
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
        assert dispatcher.link_down(link, 0.0, clean=False) == []
        dispatcher.link_up(chr(ord(link) + 1), link, WINDOW, 0.0)


def test_a_death_with_others_running_is_no_death_alone() -> None:
    """Whose answers were under way cannot be told from whose work killed the replica."""
    dispatcher = with_suspects(1, "a")
    dispatcher.add(task("t", 0))
    trial, other = dispatcher.assign(0.0)
    for link, instance in (("b", "b"), ("c", "c"), ("d", "d")):
        dispatcher.started(trial.link, [other.attempt_id], 0.0)
        dispatcher.started(trial.link, [trial.attempt_id], 0.0)
        assert dispatcher.link_down(trial.link, 0.0, clean=False) == []
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
    dispatcher.link_down("a", 0.0, clean=not announced)
    assert (dispatcher.suspects, dispatcher.queued) == (0, 1)


def test_a_suspect_stays_one_after_a_clean_end() -> None:
    """Its trial did not take place."""
    dispatcher = with_suspects(1, "a", "b")
    (attempt,) = dispatcher.assign(0.0)
    dispatcher.started("a", [attempt.attempt_id], 0.0)
    dispatcher.link_draining("a")
    assert dispatcher.link_down("a", 0.0, clean=False) == []
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
