"""The one thread in which the engine is made and works."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NoReturn

import pytest
from newstally_extractor.engines.engine import Outcome, SettingError
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
        await thread.extract(["a"])
        await thread.extract(["b"])
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
        await thread.extract(["a", "bad"])
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
        await thread.extract(["good"])
        with pytest.raises(EndedError, match="RuntimeError on an article") as caught:
            await thread.extract(["good", "bad", "good"])
        assert "secret" not in str(caught.value), "the error's text may be content"
    finally:
        thread.close()


async def test_a_bad_article_does_not_end_the_process() -> None:
    """While the pipeline reads the plain sentence, an error is the article's."""
    thread = EngineThread(Witness, nullcontext, end)
    try:
        first, bad = await thread.extract(["a", "bad"])
        assert first == {("a", "ORG"): 1}
        assert isinstance(bad, ValueError)
    finally:
        thread.close()
