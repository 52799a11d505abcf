"""The one thread in which the engine is made and works."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from newstally_extractor.engine import Engine, Outcome, SettingError, extract_each

PROBE = "The probe was read by Ada Lovelace in London on Monday."
"""A text that every pipeline must be able to read, before articles are blamed for what fails."""


class Model:
    """An engine and its thread."""

    def __init__(
        self, make: Callable[[], Engine], limit: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """Make the engine in its thread and try it once.

        `limit` is entered around each call of the engine. Raises what `make` raises, and
        SettingError if the pipeline fails on a plain sentence.
        """
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="model")
        self._limit = limit
        self._busy = False
        try:
            self.engine = self._executor.submit(make).result()
            self._executor.submit(self._probe).result()
        except BaseException:
            self._executor.shutdown(wait=False)
            raise

    @property
    def busy(self) -> bool:
        """Whether the engine is at work right now."""
        return self._busy

    async def extract(self, texts: Sequence[str]) -> list[Outcome]:
        """Return an outcome per text. Cancelling leaves the thread to finish on its own."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, self._extract, texts)

    def close(self) -> None:
        """Take no more work. Does not wait for what is at work."""
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _probe(self) -> None:
        for outcome in extract_each(self._limited, [PROBE]):
            if isinstance(outcome, Exception):
                raise SettingError(
                    "model",
                    f"the pipeline cannot read a plain sentence ({type(outcome).__name__}: "
                    f"{outcome}); give one that can",
                ) from outcome

    def _extract(self, texts: Sequence[str]) -> list[Outcome]:
        self._busy = True
        try:
            return extract_each(self._limited, texts)
        finally:
            self._busy = False

    def _limited(self, texts: Sequence[str]) -> Sequence[Outcome]:
        with self._limit():
            return self.engine.extract(texts)
