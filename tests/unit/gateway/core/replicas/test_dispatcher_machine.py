from dataclasses import dataclass, field
from typing import cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_gateway.core.tasks import Attempt, Window
from unit.gateway.core.builders import task

STREAMS = "abc"
SIZES = [1, 50, 100, 260, 400, 700, 1500]
WINDOWS = st.builds(Window, st.integers(1, 5), st.sampled_from([1, 300, 1000, 2000]))
Name = tuple[str, int]


@dataclass
class Article:
    """What the model knows of one article."""

    size: int
    place: str = "queued"
    """queued, out, answered, discarded or poisoned."""
    suspect: bool = False
    deaths: int = 0
    """How often it died alone."""
    attempts: set[int] = field(default_factory=set)
    """Those that are on links."""


@dataclass
class Link:
    """What the model knows of one link."""

    instance: str
    window: Window
    draining: bool = False
    outstanding: dict[int, tuple[Name, bool]] = field(default_factory=dict)
    copies: set[int] = field(default_factory=set)
    running: set[int] = field(default_factory=set)


class DispatcherMachine(RuleBasedStateMachine):
    """Links and streams that come, go and misbehave in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.dispatcher = Dispatcher(article_timeout=100.0)
        self.now = 0.0
        self.articles: dict[Name, Article] = {}
        self.ended: dict[str, int] = dict.fromkeys(STREAMS, 0)
        self.links: dict[int, Link] = {}
        self.links_made = 0

    # What happens

    @rule(stream=st.sampled_from(STREAMS), sizes=st.lists(st.sampled_from(SIZES), max_size=6))
    def add(self, stream: str, sizes: list[int]) -> None:
        for size in sizes:
            offset = self.ended[stream]
            self.ended[stream] += 1
            self.articles[stream, offset] = Article(size)
            self.dispatcher.add(task(stream, offset, size))

    @rule(stream=st.sampled_from(STREAMS), below=st.none() | st.integers(0, 20))
    def discard(self, stream: str, below: int | None) -> None:
        self.dispatcher.discard(stream, below)
        for (owner, offset), article in self.articles.items():
            gone = owner == stream and (below is None or offset < below)
            if gone and article.place in {"queued", "out"}:
                article.place = "discarded"

    @precondition(lambda self: len(self.links) < 4)
    @rule(window=WINDOWS, instance=st.sampled_from("xyz"))
    def link_up(self, window: Window, instance: str) -> None:
        self.links_made += 1
        self.links[self.links_made] = Link(instance, window)
        self.dispatcher.link_up(self.links_made, instance, window, self.now)

    @precondition(lambda self: self.links)
    @rule(data=st.data(), window=WINDOWS)
    def link_window(self, data: st.DataObject, window: Window) -> None:
        link = data.draw(st.sampled_from(list(self.links)))
        self.links[link].window = window
        self.dispatcher.link_window(link, window)

    @precondition(lambda self: self.links)
    @rule(data=st.data())
    def link_draining(self, data: st.DataObject) -> None:
        link = data.draw(st.sampled_from(list(self.links)))
        self.links[link].draining = True
        self.dispatcher.link_draining(link)

    @precondition(lambda self: self.links)
    @rule(data=st.data(), clean=st.booleans())
    def link_down(self, data: st.DataObject, clean: bool) -> None:
        self.take_down(data.draw(st.sampled_from(list(self.links))), clean)

    def take_down(self, link: int, clean: bool) -> None:
        gone = self.links.pop(link)
        innocent = clean or gone.draining
        tried = set()
        for attempt_id, (name, alone) in gone.outstanding.items():
            article = self.articles[name]
            article.attempts.discard(attempt_id)
            if article.place != "out" or article.attempts:
                continue
            article.place = "queued"
            if innocent or attempt_id not in gone.running:
                continue
            article.suspect = True
            if alone and gone.running == {attempt_id}:
                article.deaths += 1
                tried.add(name)
        for poisoned in self.dispatcher.link_down(link, self.now, clean=clean):
            name = (str(poisoned.task.stream), poisoned.task.offset)
            assert name in tried, "only what died alone is given up"
            assert self.articles[name].deaths >= 2, "and not for one death"
            self.articles[name].place = "poisoned"
        assert all(
            self.articles[name].deaths < 8 or self.articles[name].place == "poisoned"
            for name in tried
        ), "nothing is tried for ever"

    @precondition(lambda self: any(link.outstanding for link in self.links.values()))
    @rule(data=st.data())
    def started(self, data: st.DataObject) -> None:
        link = data.draw(st.sampled_from([k for k, v in self.links.items() if v.outstanding]))
        waiting = [i for i in self.links[link].outstanding if i not in self.links[link].running]
        if waiting:
            batch = data.draw(st.lists(st.sampled_from(waiting), min_size=1, unique=True))
            alone = [i for i in batch if self.links[link].outstanding[i][1]]
            self.start(link, alone[:1] or batch)

    def start(self, link: int, batch: list[int]) -> None:
        self.dispatcher.started(link, [*batch, 10**9], self.now)
        self.links[link].running.update(batch)

    @precondition(lambda self: any(link.outstanding for link in self.links.values()))
    @rule(data=st.data())
    def answered(self, data: st.DataObject) -> None:
        link = data.draw(st.sampled_from([k for k, v in self.links.items() if v.outstanding]))
        self.answer(link, data.draw(st.sampled_from(list(self.links[link].outstanding))))

    def answer(self, link: int, attempt_id: int) -> None:
        name, _ = self.links[link].outstanding.pop(attempt_id)
        self.links[link].running.discard(attempt_id)
        self.links[link].copies.discard(attempt_id)
        article = self.articles[name]
        article.attempts.discard(attempt_id)
        answered = self.dispatcher.answered(link, attempt_id, self.now)
        if article.place != "out":
            assert answered is None
        else:
            assert answered is not None
            assert (answered.stream, answered.offset) == name
            article.place = "answered"
        assert self.dispatcher.answered(link, attempt_id, self.now) is None

    @rule(seconds=st.sampled_from([1.0, 4.0, 60.0]))
    def wait(self, seconds: float) -> None:
        deadline = self.dispatcher.next_deadline(self.now)
        self.now += seconds
        expired = self.dispatcher.expired(self.now)
        assert not expired or (deadline is not None and deadline <= self.now)
        for link in expired:
            self.take_down(cast("int", link), clean=False)

    @rule()
    def assign(self) -> None:
        for attempt in self.dispatcher.assign(self.now):
            self.check_attempt(attempt)
        usable = [link for link in self.links.values() if not link.draining]
        if any(not link.outstanding for link in usable):
            idle = [a for a in self.articles.values() if a.place == "queued" and not a.suspect]
            assert not idle, "a link has nothing to do while articles wait"

    def check_attempt(self, attempt: Attempt) -> None:
        """An attempt is at a queued article, and within the window of its link."""
        link = self.links[cast("int", attempt.link)]
        name = (str(attempt.task.stream), attempt.task.offset)
        article = self.articles[name]
        if article.place == "out":
            self.check_copy(link, name)
            link.copies.add(attempt.attempt_id)
        else:
            assert article.place == "queued"
        assert not link.draining
        assert attempt.alone == article.suspect
        if attempt.alone:
            assert not any(alone for _, alone in link.outstanding.values())
        assert attempt.attempt_id not in link.outstanding
        link.outstanding[attempt.attempt_id] = (name, attempt.alone)
        article.place = "out"
        article.attempts.add(attempt.attempt_id)
        sizes = [self.articles[name].size for name, _ in link.outstanding.values()]
        if len(sizes) > 1:
            assert len(sizes) <= link.window.articles
            assert sum(sizes) <= link.window.size_bytes
            longs = [size for size in sizes if size * 4 > link.window.size_bytes]
            if article.size in longs and len(longs) > 1:
                assert sum(longs) * 2 <= link.window.size_bytes

    def check_copy(self, link: Link, name: Name) -> None:
        """Only what one silent link has not started is sent to an idle one, too."""
        article = self.articles[name]
        (first,) = article.attempts
        (silent,) = [x for x in self.links.values() if first in x.outstanding]
        assert silent is not link
        assert first not in silent.running
        assert not article.suspect
        assert link.outstanding.keys() == link.copies

    # What always holds

    @invariant()
    def conserves_every_task(self) -> None:
        """Each task is in exactly one place, the one where the model has it."""
        places = [article.place for article in self.articles.values()]
        assert self.dispatcher.queued == places.count("queued")
        assert self.dispatcher.outstanding == sum(len(x.outstanding) for x in self.links.values())

    def teardown(self) -> None:
        """When the links are healthy for long enough, everything is answered."""
        for link in list(self.links):
            if self.links[link].draining:
                self.take_down(link, clean=True)
        self.link_up(Window(3, 500), "healthy")
        for _ in range(3 * len(self.articles) + 3):
            self.now += 100.0
            self.assign()
            for link, state in self.links.items():
                for attempt_id in list(state.outstanding):
                    self.answer(link, attempt_id)
        places = {article.place for article in self.articles.values()}
        assert places <= {"answered", "discarded", "poisoned"}
        assert self.dispatcher.next_deadline(self.now) is None


TestDispatcherMachine = DispatcherMachine.TestCase
TestDispatcherMachine.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
