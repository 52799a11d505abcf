"""An engine of rules for tests: fast, deterministic, and deadly on demand.

Name it with `--engine support.engines:rules`, this folder's parent being on PYTHONPATH. Entities
are the capitalised words; the label is a function of the key. A magic word in the content makes
the engine misbehave; what it makes of the rest of the content is then of no interest.
"""

import os
import re
import signal
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from newstally_extractor.counting.entities import Counts, count_mentions
from newstally_extractor.counting.normalising import normalise
from newstally_extractor.settings import ExtractorSettings
from newstally_protos.limits import result_limit_bytes

DIE = "[[die]]"
"""The process kills itself with SIGKILL."""
EXIT = "[[exit]]"
"""The process leaves at once with exit code 1."""
HANG = "[[hang]]"
"""The engine waits for an hour, the GIL released."""
HANG_GIL = "[[hang-gil]]"
"""The engine computes for years, the GIL held."""
RAISE = "[[raise]]"
"""The engine raises, so that the whole batch fails."""
BREAK = "[[break]]"
"""The engine raises, on this and on every later article."""
NO_MEMORY = "[[no-memory]]"
"""The engine raises MemoryError."""
REFUSE = "[[refuse]]"
"""The engine answers this article with an error, the others of the batch as usual."""
HUGE = "[[huge]]"
"""The article's entities are over the bound of a result."""
SLEEP = "[[sleep {}]]"
"""The engine sleeps; fill in the milliseconds."""
HOLD = "[[hold {}]]"
"""The engine waits until there is a file; fill in its path, without spaces."""
SLEEP_VARIABLE = "NEWSTALLY_TEST_SLEEP_MILLIS"
"""Environment variable: the engine sleeps that long for every article."""

MODEL_VERSION_VARIABLE = "NEWSTALLY_TEST_MODEL_VERSION"
"""Environment variable: the version that the model says it has, by default 1."""

LOADING_VARIABLE = "NEWSTALLY_TEST_LOADING_FD"
"""Environment variable: the number of a pipe that the `stuck` engine closes when it is made."""

LABELS = ("PERSON", "ORG", "GPE")

_WORD = re.compile(r"\b[^\W\d_]\w*")
_SLEEP = re.compile(r"\[\[sleep (\d+)\]\]")
_HOLD = re.compile(r"\[\[hold (\S+)\]\]")


class RulesEngine:
    """Finds capitalised words."""

    name = "rules"
    model = "test_rules"

    def __init__(self, excluded_labels: frozenset[str], sleep_seconds: float) -> None:
        self.model_version = os.environ.get(MODEL_VERSION_VARIABLE, "1")
        self._excluded = excluded_labels
        self._sleep_seconds = sleep_seconds
        self._broken = False

    def extract(self, texts: Sequence[str]) -> Sequence[Counts | Exception]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Counts | Exception:
        self._broken = self._broken or BREAK in text
        if self._broken:
            raise RuntimeError("broken for good")
        _misbehave(text)
        pause = self._sleep_seconds + sum(int(n) / 1000 for n in _SLEEP.findall(text))
        if pause:
            time.sleep(pause)
        for path in _HOLD.findall(text):
            while not os.path.exists(path):
                time.sleep(0.01)
        if REFUSE in text:
            return ValueError(text)
        if HUGE in text:
            needed = result_limit_bytes(len(text.encode())) // 10 + 1
            return {(f"huge {number:09}", "ORG"): 1 for number in range(needed)}
        return count(text, self._excluded)


@dataclass(frozen=True, slots=True)
class Recounted:
    """What all texts together add up to for one entity."""

    mentions: int
    articles: int


def rules(settings: ExtractorSettings) -> RulesEngine:
    """Make the engine, as `--engine` wants it."""
    millis = int(os.environ.get(SLEEP_VARIABLE, "0"))
    return RulesEngine(settings.excluded_labels, millis / 1000)


def stuck(settings: ExtractorSettings) -> RulesEngine:
    """Be an engine whose model never finishes loading."""
    os.close(int(os.environ[LOADING_VARIABLE]))
    time.sleep(3600)
    return rules(settings)


def label_of(key: str) -> str:
    """Return the label of a normalised text."""
    return LABELS[zlib.crc32(key.encode()) % len(LABELS)]


def count(text: str, excluded: frozenset[str] = frozenset()) -> Counts:
    """Return what the engine counts in one article."""
    words = [word for word in _WORD.findall(text) if word[0].isupper()]
    return count_mentions(((word, label_of(normalise(word))) for word in words), excluded)


def recount(texts: Iterable[str]) -> dict[tuple[str, str], Recounted]:
    """Return what all texts add up to, per `(normalised text, label)`: the oracle's answer."""
    totals: dict[tuple[str, str], Recounted] = {}
    for text in texts:
        for key, mentions in count(text).items():
            so_far = totals.get(key, Recounted(0, 0))
            totals[key] = Recounted(so_far.mentions + mentions, so_far.articles + 1)
    return totals


def _misbehave(text: str) -> None:
    if DIE in text:
        os.kill(os.getpid(), signal.SIGKILL)
    if EXIT in text:
        os._exit(1)
    if HANG in text:
        time.sleep(3600)
    if HANG_GIL in text:
        re.match(r"(a|a|a)*b", "a" * 60)
    if NO_MEMORY in text:
        raise MemoryError
    if RAISE in text:
        raise RuntimeError(text)
