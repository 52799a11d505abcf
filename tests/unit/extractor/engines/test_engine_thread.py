"""The one thread in which the engine is made and works."""

import threading
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NoReturn

import pytest
from newstally_extractor.engines.engine import Extracted, Outcome, SettingError, Text
from newstally_extractor.engines.engine_thread import EngineThread


class Witness:
    """An engine that notes the threads in which it is called."""

    name = model = model_version = "witness"

    def __init__(self, bad: str = "bad") -> None:
        self.threads = {threading.get_ident()}
        self.bad = bad

    def extract(self, texts: Sequence[str]) -> Sequence[Outcome]:
        self.threads.add(threading.get_ident())
        if any(self.bad in text for text in texts):
            raise ValueError(self.bad)
        return [{(text, "ORG"): 1} for text in texts]


class Limits:
    def __init__(self) -> None:
        self.entered = 0

    def __call__(self) -> AbstractContextManager[None]:
        self.entered += 1
        return nullcontext()


class EndedError(Exception):
    """The process would have ended."""


def texts(*contents: str, returnable: bool = False) -> list[Text]:
    return [Text(content, len(content), returnable) for content in contents]


def end(reason: str) -> NoReturn:
    raise EndedError(reason)


class Fragile:
    """An engine that fails on everything from the first bad text on."""

    name = model = model_version = "fragile"

    def __init__(self) -> None:
        self.broken = False

    def extract(self, texts: Sequence[str]) -> Sequence[Outcome]:
        if "bad" in texts:
            self.broken = True
        if self.broken:
            raise RuntimeError("secret")
        return [{(text, "ORG"): 1} for text in texts]


async def test_one_thread_for_all() -> None:
    """The engine is made and called in one thread, which is not the event loop's."""
    thread = EngineThread(Witness, nullcontext, end)
    try:
        await thread.extract(texts("a"))
        await thread.extract(texts("b"))
        assert isinstance(thread.engine, Witness)
        assert len(thread.engine.threads) == 1
        assert threading.get_ident() not in thread.engine.threads
    finally:
        thread.close()


async def test_every_call_has_its_own_time_limit() -> None:
    """The limit is set anew for each call of the engine: batch, each text, and the probe."""
    limits = Limits()
    thread = EngineThread(Witness, limits, end)
    try:
        before = limits.entered
        await thread.extract(texts("a", "bad"))
        assert limits.entered - before == 4
        assert not thread.busy
    finally:
        thread.close()


def test_a_pipeline_that_reads_nothing_is_not_served() -> None:
    """A pipeline that fails on a plain sentence fails at start, before it refuses articles."""
    with pytest.raises(SettingError, match="plain sentence") as caught:
        EngineThread(lambda: Witness(bad="London"), nullcontext, end)
    assert caught.value.setting == "model"


async def test_a_pipeline_that_breaks_ends_the_process_unanswered() -> None:
    """A pipeline that fails on a plain sentence after an article blames no article."""
    thread = EngineThread(Fragile, nullcontext, end)
    try:
        await thread.extract(texts("good"))
        with pytest.raises(EndedError, match="RuntimeError on an article") as caught:
            await thread.extract(texts("good", "bad", "good"))
        assert "secret" not in str(caught.value), "the error's text may be content"
    finally:
        thread.close()


async def test_a_bad_article_does_not_end_the_process() -> None:
    """While the pipeline reads the plain sentence, an error is the article's."""
    thread = EngineThread(Witness, nullcontext, end)
    try:
        first, bad = await thread.extract(texts("a", "bad"))
        assert first is not None
        assert bad is not None
        assert first.outcome == {("a", "ORG"): 1}
        assert isinstance(bad.outcome, ValueError)
    finally:
        thread.close()


class Slow:
    """An engine that takes its time for each text, working or waiting."""

    name = model = model_version = "slow"

    def __init__(self, *, working: bool) -> None:
        self.seconds = 0.02
        self.calls: list[int] = []
        self._working = working

    def extract(self, texts: Sequence[str]) -> Sequence[Outcome]:
        self.calls.append(len(texts))
        until = time.monotonic() + self.seconds * len(texts)
        while self._working and time.monotonic() < until:
            pass
        time.sleep(max(0.0, until - time.monotonic()))
        return [{(text, "ORG"): 1} for text in texts]


async def test_past_the_soft_limit_nothing_more_is_begun_that_may_be_left_out() -> None:
    """What was begun is answered, and so is what its gateway does not take back."""
    thread = EngineThread(lambda: Slow(working=False), nullcontext, end, soft_limit=0.1)
    try:
        kept, returnable = texts("kept"), texts(*"abcdefghijklmnop", returnable=True)
        extracted = await thread.extract([*returnable, *kept])
        begun = [one for one in extracted[:-1] if one is not None]
        assert extracted[: len(begun)] == begun
        assert 1 <= len(begun) < len(returnable)
        assert extracted[-1] is not None
    finally:
        thread.close()


async def test_a_fast_batch_is_read_in_one_go() -> None:
    """As soon as it is known that the engine is fast enough."""
    thread = EngineThread(lambda: Slow(working=False), nullcontext, end, soft_limit=3600)
    try:
        await thread.extract(texts("a"))
        await thread.extract(texts(*"abcdefgh"))
        assert isinstance(thread.engine, Slow)
        assert thread.engine.calls == [1, 1, 8]  # the first is the probe
    finally:
        thread.close()


async def test_processor_time_is_shared_out_by_cost() -> None:
    """A text that is estimated to cost more is said to have cost more."""
    thread = EngineThread(lambda: Slow(working=True), nullcontext, end)
    try:
        short, long = await thread.extract(texts("a", "b" * 9))
    finally:
        thread.close()
    assert isinstance(short, Extracted)
    assert isinstance(long, Extracted)
    assert short.seconds > 0
    assert long.seconds == pytest.approx(9 * short.seconds)


async def test_waiting_costs_nothing() -> None:
    """What counts is what others lack meanwhile: the processor."""
    thread = EngineThread(lambda: Slow(working=False), nullcontext, end)
    try:
        (waiting,) = await thread.extract(texts("a"))
    finally:
        thread.close()
    assert isinstance(waiting, Extracted)
    assert waiting.seconds < 0.02
