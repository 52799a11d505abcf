"""An engine that waits as long as the fast path works, and needs no core for it.

Name it with `--engine waiting:engine`, this folder being on PYTHONPATH.
"""

import os
import time
from collections.abc import Sequence
from types import MappingProxyType

from newstally_extractor.counting.entities import Counts
from newstally_extractor.settings import ExtractorSettings

BYTES_VARIABLE = "NEWSTALLY_BENCH_BYTES_PER_SECOND"
"""Environment variable: how fast it reads."""
ENTITIES = 12
"""In each article: as many distinct ones as a real one of 3 KB has."""
_FOUND = MappingProxyType({(f"angela merkel {number}", "PERSON"): 2 for number in range(ENTITIES)})


class WaitingEngine:
    """Finds the same in every article."""

    name = "waiting"
    model = "waiting"
    model_version = "1"

    def __init__(self, bytes_per_second: float) -> None:
        self._speed = bytes_per_second

    def extract(self, texts: Sequence[str]) -> Sequence[Counts | Exception]:
        """See Engine.extract."""
        time.sleep(sum(map(len, texts)) / self._speed)
        return [dict(_FOUND) for _ in texts]


def engine(_settings: ExtractorSettings) -> WaitingEngine:
    """Make one."""
    return WaitingEngine(float(os.environ[BYTES_VARIABLE]))
