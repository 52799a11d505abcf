import pytest
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, Window
from unit.gateway.core.builders import task

WINDOW = Window(articles=4, size_bytes=1000)
TIMEOUT = 120.0


def with_links(*links: str, window: Window = WINDOW) -> Dispatcher:
    """Return a dispatcher with links, each to a replica instance of the same name."""
    dispatcher = Dispatcher(TIMEOUT)
    for link in links:
        dispatcher.link_up(link, link, window, now=0.0)
    return dispatcher


def add(dispatcher: Dispatcher, stream: str, *sizes: int, first: int = 0) -> None:
    for offset, size in enumerate(sizes, first):
        dispatcher.add(task(stream, offset, size))


def placed(attempts: list[Attempt]) -> list[tuple[str, int, str]]:
    return [(str(a.task.stream), a.task.offset, str(a.link)) for a in attempts]


def answer_all(dispatcher: Dispatcher, attempts: list[Attempt]) -> None:
    for attempt in attempts:
        assert dispatcher.answered(attempt.link, attempt.attempt_id, 0.0) == attempt.task


def test_without_links_everything_waits() -> None:
    """Articles are admitted before there is a replica, and go out when one comes."""
    dispatcher = with_links()
    add(dispatcher, "s", 100)
    assert dispatcher.assign(0.0) == []
    dispatcher.link_up("a", "a", WINDOW, 0.0)
    assert placed(dispatcher.assign(0.0)) == [("s", 0, "a")]


def test_articles_go_to_the_link_with_the_fewest_bytes() -> None:
    """Links are balanced by what they have to do, not by number."""
    dispatcher = with_links("a", "b")
    add(dispatcher, "s", 200, 50, 100, 60)
    assert placed(dispatcher.assign(0.0)) == [
        ("s", 0, "a"), ("s", 1, "b"), ("s", 2, "b"), ("s", 3, "b"),
    ]  # fmt: skip


def test_links_with_as_little_take_turns() -> None:
    """Otherwise several gateways would prefer the same replicas, and the others would idle."""
    dispatcher = with_links("a", "b", "c")
    went = []
    for offset in range(6):
        add(dispatcher, "s", 100, first=offset)
        attempts = dispatcher.assign(0.0)
        went += [attempt.link for attempt in attempts]
        answer_all(dispatcher, attempts)
    assert went == ["a", "b", "c", "a", "b", "c"]


def test_a_window_bounds_articles_and_bytes() -> None:
    """Nothing more is sent until something is answered."""
    dispatcher = with_links("a")
    add(dispatcher, "s", *[10] * 6)
    attempts = dispatcher.assign(0.0)
    assert len(attempts) == 4
    answer_all(dispatcher, attempts[:1])
    assert len(dispatcher.assign(0.0)) == 1
    in_bytes = with_links("a")
    add(in_bytes, "s", *[240] * 6)
    attempts = in_bytes.assign(0.0)
    assert len(attempts) == 4
    in_bytes.link_window("a", Window(10, 1199))
    assert in_bytes.assign(0.0) == []
    in_bytes.link_window("a", Window(10, 1200))
    assert len(in_bytes.assign(0.0)) == 1


def test_an_article_over_the_window_goes_alone() -> None:
    """A window smaller than an article does not keep it for ever, and takes nothing beside it."""
    dispatcher = with_links("a", window=Window(10, 100))
    add(dispatcher, "s", 20, 5000, 20)
    first = dispatcher.assign(0.0)
    assert placed(first) == [("s", 0, "a")]
    answer_all(dispatcher, first)
    second = dispatcher.assign(0.0)
    assert placed(second) == [("s", 1, "a")]
    answer_all(dispatcher, second)
    assert placed(dispatcher.assign(0.0)) == [("s", 2, "a")]


def test_a_window_below_one_counts_as_one() -> None:
    """Nonsense from a replica stops nothing."""
    dispatcher = with_links("a", window=Window(0, -5))
    add(dispatcher, "s", 20, 20)
    assert len(dispatcher.assign(0.0)) == 1


def test_long_articles_take_half_of_a_window() -> None:
    """Beside long articles there is always room for short ones, of whatever stream."""
    dispatcher = with_links("a", window=Window(100, 1000))
    add(dispatcher, "long", *[260] * 5)
    assert placed(dispatcher.assign(0.0)) == [("long", 0, "a")]
    add(dispatcher, "short", *[100] * 9)
    assert len(dispatcher.assign(0.0)) == 7


def test_short_articles_do_not_starve_a_long_one() -> None:
    """A link keeps room for a long article that has none, and short ones use what is left."""
    dispatcher = with_links("a", window=Window(100, 1000))
    add(dispatcher, "short", *[100] * 500)
    add(dispatcher, "long", 700)
    outstanding = dispatcher.assign(0.0)
    before_it = 0
    while not any(attempt.task.stream == "long" for attempt in outstanding):
        answer_all(dispatcher, outstanding[:1])
        outstanding = outstanding[1:] + dispatcher.assign(0.0)
        before_it += 1
    assert before_it < 60, "one turn of the other stream, and then at once"
    assert len(outstanding) == 4, "three short ones beside it"


@pytest.mark.parametrize("end", ["down", "draining"])
def test_a_kept_place_moves_on_when_its_link_goes(end: str) -> None:
    """A long article is not lost with the link that kept room for it, and goes out first."""
    dispatcher = with_links("a", "b", window=Window(100, 1000))
    add(dispatcher, "s", *[200] * 10, 900)
    attempts = dispatcher.assign(0.0)
    assert len(attempts) == 10
    if end == "down":
        dispatcher.link_down("a", 0.0, clean=True)
    else:
        dispatcher.link_draining("a")
    answer_all(dispatcher, [attempt for attempt in attempts if attempt.link == "b"])
    following = dispatcher.assign(0.0)
    if end == "down":
        assert len(following) == 5
        answer_all(dispatcher, following)
        following = dispatcher.assign(0.0)
    assert placed(following) == [("s", 10, "b")]


def test_a_kept_place_survives_a_shrinking_window() -> None:
    """The article goes out when the link has nothing else, whatever its window is by then."""
    dispatcher = with_links("a", window=Window(100, 1000))
    add(dispatcher, "s", *[200] * 5, 900)
    attempts = dispatcher.assign(0.0)
    dispatcher.link_window("a", Window(1, 50))
    answer_all(dispatcher, attempts[1:])
    assert dispatcher.assign(0.0) == []
    answer_all(dispatcher, attempts[:1])
    assert placed(dispatcher.assign(0.0)) == [("s", 5, "a")]


def test_a_kept_place_is_given_up_for_room_elsewhere() -> None:
    """A link that hangs does not hold back the article that it keeps room for."""
    dispatcher = with_links("a", "b", window=Window(100, 1000))
    add(dispatcher, "s", *[200] * 10, 900)
    attempts = dispatcher.assign(0.0)
    answer_all(dispatcher, [attempt for attempt in attempts if attempt.link == "b"])
    assert placed(dispatcher.assign(0.0)) == [("s", 10, "b")]


def test_long_articles_of_one_stream_do_not_hold_up_another() -> None:
    """A stream whose next article has to wait for a long one stands aside."""
    dispatcher = with_links("a", window=Window(100, 1000))
    add(dispatcher, "long", 450, 450, 450)
    add(dispatcher, "short", *[10] * 3)
    attempts = dispatcher.assign(0.0)
    assert [a.task.stream for a in attempts] == ["long", "short", "short", "short"]
    answer_all(dispatcher, attempts)
    assert placed(dispatcher.assign(0.0)) == [("long", 1, "a")]


def test_a_broken_links_articles_go_to_the_head_of_their_streams() -> None:
    """Several streams, several links: by offset, before what is newer."""
    dispatcher = with_links("a", "b", window=Window(4, 10_000))
    for offset in range(6):
        add(dispatcher, "s", 10, first=offset)
        add(dispatcher, "t", 10, first=offset)
    assert len(dispatcher.assign(0.0)) == 8
    assert dispatcher.link_down("b", 0.0, clean=False) == []
    assert dispatcher.link_down("a", 0.0, clean=False) == []
    dispatcher.link_up("c", "c", Window(100, 100_000), 0.0)
    order = placed(dispatcher.assign(0.0))
    assert [offset for stream, offset, _ in order if stream == "s"] == list(range(6))
    assert [offset for stream, offset, _ in order if stream == "t"] == list(range(6))


def test_late_and_second_answers_mean_nothing() -> None:
    """Only the first answer to an attempt on a link that is up counts."""
    dispatcher = with_links("a", "b")
    add(dispatcher, "s", 10)
    (attempt,) = dispatcher.assign(0.0)
    assert dispatcher.answered("b", attempt.attempt_id, 0.0) is None
    assert dispatcher.answered("a", 999, 0.0) is None
    dispatcher.link_down("a", 0.0, clean=False)
    assert dispatcher.answered("a", attempt.attempt_id, 0.0) is None
    dispatcher.link_up("a", "a", WINDOW, 0.0)
    (again,) = dispatcher.assign(0.0)
    assert dispatcher.answered("a", attempt.attempt_id, 0.0) is None
    assert dispatcher.answered(again.link, again.attempt_id, 0.0) == again.task
    assert dispatcher.answered(again.link, again.attempt_id, 0.0) is None


def test_events_of_links_that_are_not_up_are_ignored() -> None:
    """Events may cross on their way; only a second `link_up` is a mistake."""
    dispatcher = with_links("a")
    dispatcher.started("x", [1], 0.0)
    dispatcher.started("a", [7], 0.0)
    dispatcher.link_window("x", WINDOW)
    dispatcher.link_draining("x")
    assert dispatcher.link_down("x", 0.0, clean=False) == []
    with pytest.raises(ValueError):
        dispatcher.link_up("a", "a", WINDOW, 0.0)


def test_a_draining_link_gets_nothing_new() -> None:
    """What it has it may answer; what it has not answered when it ends goes elsewhere."""
    dispatcher = with_links("a")
    add(dispatcher, "s", 10, 10)
    first, _ = dispatcher.assign(0.0)
    dispatcher.link_draining("a")
    dispatcher.link_draining("a")
    add(dispatcher, "s", 10, first=2)
    assert dispatcher.assign(0.0) == []
    answer_all(dispatcher, [first])
    dispatcher.link_down("a", 0.0, clean=True)
    dispatcher.link_up("b", "b", WINDOW, 0.0)
    assert placed(dispatcher.assign(0.0)) == [("s", 1, "b"), ("s", 2, "b")]


def test_discarded_attempts_count_until_answered() -> None:
    """The replica still works on them, so its window is not free, but nobody waits for them."""
    dispatcher = with_links("a")
    add(dispatcher, "s", 10, 10, 10, 10, 10)
    attempts = dispatcher.assign(0.0)
    dispatcher.discard("s")
    add(dispatcher, "t", 10)
    assert dispatcher.assign(0.0) == []
    assert dispatcher.answered("a", attempts[0].attempt_id, 0.0) is None
    assert placed(dispatcher.assign(0.0)) == [("t", 0, "a")]
    dispatcher.link_down("a", 0.0, clean=False)
    assert (dispatcher.queued, dispatcher.outstanding) == (1, 0)


def test_discarding_below_an_offset_keeps_the_rest() -> None:
    """What another gateway settled is forgotten, on links and in the queue."""
    dispatcher = with_links("a")
    add(dispatcher, "s", *[10] * 8)
    attempts = dispatcher.assign(0.0)
    dispatcher.discard("s", below=2)
    dispatcher.discard("unknown")
    assert dispatcher.answered("a", attempts[1].attempt_id, 0.0) is None
    assert dispatcher.answered("a", attempts[2].attempt_id, 0.0) == attempts[2].task
    dispatcher.link_down("a", 0.0, clean=False)
    dispatcher.discard("s", below=5)
    assert dispatcher.queued == 3


def test_discarding_frees_a_kept_place() -> None:
    """A link keeps no room for what nobody wants any more."""
    dispatcher = with_links("a", window=Window(100, 1000))
    add(dispatcher, "s", *[200] * 5, 900)
    attempts = dispatcher.assign(0.0)
    dispatcher.discard("s")
    for attempt in attempts[:2]:
        dispatcher.answered("a", attempt.attempt_id, 0.0)
    add(dispatcher, "t", 200, 200)
    assert len(dispatcher.assign(0.0)) == 2
