"""An engine that once takes more memory than any limit allows, and otherwise is that of rules."""

from collections.abc import Sequence
from pathlib import Path

from newstally_extractor.counting.entities import Counts
from newstally_extractor.engines.engine import Engine
from newstally_extractor.settings import ExtractorSettings
from support.engines import rules

EAT = "[[eat]]"
"""In a content: take memory until killed, but only the first time that any replica sees it."""
MARK = Path("/marks/eaten")
TAKEN_BYTES = 8 * 2**30


def hungry(settings: ExtractorSettings) -> Engine:
    """Return the engine."""
    return _Hungry(rules(settings))


class _Hungry:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.name = engine.name
        self.model = engine.model
        self.model_version = engine.model_version

    def extract(self, texts: Sequence[str]) -> Sequence[Counts | Exception]:
        if any(EAT in text for text in texts) and not MARK.exists():
            MARK.touch()
            taken = bytearray(TAKEN_BYTES)
            taken[::4096] = b"x" * len(taken[::4096])
        return self._engine.extract(texts)
