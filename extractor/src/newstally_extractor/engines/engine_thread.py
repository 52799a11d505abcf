"""The one thread in which the engine is made and works."""

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import NoReturn

from newstally_extractor.engines.engine import (
    BrokenError,
    Engine,
    Extracted,
    Outcome,
    SettingError,
    Text,
    extract_each,
)
from newstally_extractor.engines.pace import Pace

PROBE = "The probe was read by Ada Lovelace in London on Monday."
"""A text that every pipeline must be able to read, before articles are blamed for what fails."""


class EngineThread:
    """An engine and its thread."""

    def __init__(
        self,
        make: Callable[[], Engine],
        limit: Callable[[], AbstractContextManager[None]],
        end: Callable[[str], NoReturn],
        soft_limit: float = float("inf"),
    ) -> None:
        """Make the engine in its thread and try it once.

        `soft_limit`: seconds after which nothing more of a batch is begun that may be left out.
        `limit` is entered around each call of the engine. `end` is called with the reason, in the
        engine's thread, when the engine breaks later on: it ends the process. Raises what `make`
        raises, and SettingError if the pipeline fails on a plain sentence.
        """
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._limit = limit
        self._end = end
        self._busy = False
        self._pace = Pace(soft_limit)
        try:
            self.engine = self._executor.submit(make).result()
            self._executor.submit(self._try_once).result()
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    @property
    def busy(self) -> bool:
        """Whether the engine is at work right now."""
        return self._busy

    async def extract(self, texts: Sequence[Text]) -> list[Extracted | None]:
        """Return what came of each text; None for one that was left out: time was short.

        Cancelling leaves the thread to finish on its own.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._extract, texts)

    def close(self) -> None:
        """Take no more work. Does not wait for what is at work."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _try_once(self) -> None:
        if error := self._probe():
            raise SettingError(
                "model",
                f"the pipeline cannot read a plain sentence ({type(error).__name__}: {error}); "
                f"give one that can",
            ) from error

    def _extract(self, texts: Sequence[Text]) -> list[Extracted | None]:
        self._busy = True
        began = time.monotonic()
        extracted: list[Extracted | None] = [None] * len(texts)
        left = list(range(len(texts)))
        try:
            while left:
                part = self._pace.first_part([texts[at].cost for at in left])
                for at, one in zip(
                    left, self._read([texts[at] for at in left[:part]]), strict=False
                ):
                    extracted[at] = one
                del left[:part]
                if self._pace.is_over(time.monotonic() - began):
                    left = [at for at in left if not texts[at].returnable]
        except BrokenError as error:
            self._end(str(error))
        finally:
            self._busy = False
        return extracted

    def _read(self, texts: Sequence[Text]) -> list[Extracted]:
        """Read some of a batch together, and share out what that took by estimated cost."""
        began, began_working = time.monotonic(), time.thread_time()
        outcomes = extract_each(self._limited, [text.content for text in texts], self._doubt)
        seconds = time.thread_time() - began_working
        cost = max(1, sum(text.cost for text in texts))
        self._pace.took(cost, time.monotonic() - began)
        return [
            Extracted(outcome, seconds * text.cost / cost)
            for text, outcome in zip(texts, outcomes, strict=True)
        ]

    def _doubt(self, error: Exception) -> None:
        """Raise BrokenError if the pipeline fails on anything, not only on an article."""
        if failure := self._probe():
            raise BrokenError(
                f"{type(error).__name__} on an article, and then {type(failure).__name__} on a "
                f"plain sentence"
            )

    def _probe(self) -> Exception | None:
        """Read the plain sentence; return what is wrong with the pipeline."""
        try:
            (outcome,) = self._limited([PROBE])
        except Exception as error:  # noqa: BLE001 - a pipeline may raise anything
            return error
        return outcome if isinstance(outcome, Exception) else None

    def _limited(self, texts: Sequence[str]) -> Sequence[Outcome]:
        with self._limit():
            return self.engine.extract(texts)
