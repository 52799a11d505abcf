"""Any spaCy pipeline that sets doc.ents, through nlp.pipe."""

import gc
from collections.abc import Callable, Sequence
from functools import partial

import spacy
import structlog
from spacy.language import Language
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from spacy.vocab import Vocab

from newstally_extractor.counting.entities import Counts
from newstally_extractor.engines.engine import Outcome, SettingError
from newstally_extractor.html.plain import make_reader
from newstally_extractor.names.aliases import AliasError
from newstally_extractor.names.counting import Counter, make_counter
from newstally_extractor.pipelines.annotations import Pipe, is_harmless, reads_annotations
from newstally_extractor.pipelines.cutting import RUN, cut
from newstally_extractor.pipelines.entities import Entity, entities_of, stock_entities
from newstally_extractor.settings import ExtractorSettings

_UNREAD = frozenset(
    {
        "tagger",
        "morphologizer",
        "lemmatizer",
        "trainable_lemmatizer",
        "textcat",
        "textcat_multilabel",
    }
)
"""Factories whose annotations entities do not depend on, unless some model reads them."""
_UNDERSTOOD = _UNREAD | {
    "ner",
    "beam_ner",
    "tok2vec",
    "parser",
    "beam_parser",
    "senter",
    "sentencizer",
    "attribute_ruler",
}
"""Factories of which that is known. Sentence boundaries do matter: an entity never crosses one."""

log = structlog.get_logger()


RENEW_AFTER_WORDS = 5_000_000
"""How many new words a vocabulary sees (again in each batch) before it is replaced.

A memory zone frees words and their strings, but the hash tables that held them count every slot
ever used as taken and double in size, about 10 bytes for each distinct word, for ever. Loading the
pipeline anew is what frees them. With this number they stay below about 50 MB.
"""


def make(settings: ExtractorSettings) -> "StockEngine":
    """Load the pipeline. Raises SettingError for a model or a table that cannot be loaded."""
    try:
        counter = make_counter(settings)
    except AliasError as error:
        raise SettingError("aliases", str(error)) from error
    try:
        engine = StockEngine(partial(_load, settings), counter, settings.html)
    except Exception as error:  # what a package or a configuration may raise is open
        lines = str(error).splitlines() or [type(error).__name__]
        raise SettingError(
            "model",
            f"cannot load {settings.model!r} ({lines[0]}); give the name of a spaCy pipeline that "
            f"is installed here (`pip install` it, or `python -m spacy download` it) or its folder",
        ) from error
    if not engine.sets_entities:
        log.warning("no component is known to set doc.ents", model=engine.model)
    return engine


class StockEngine:
    """spaCy as it is."""

    def __init__(
        self,
        load: Callable[[], Language],
        counter: Counter,
        html: str = "auto",
        renew_after_words: int = RENEW_AFTER_WORDS,
    ) -> None:
        """Use the pipeline that `load` returns, and count with `counter`; HTML as in settings."""
        self._load = load
        self.counter = counter
        self.read, self._reading = make_reader(html)
        """Makes text of a content."""
        self._renew_after_words = renew_after_words
        self._nlp = load()
        self._words_at_first = len(self._nlp.vocab)

    @property
    def name(self) -> str:
        """Always "stock"."""
        return "stock"

    @property
    def model(self) -> str:
        """The pipeline's language and name, as its package is called."""
        return f"{self._nlp.meta['lang']}_{self._nlp.meta['name']}"

    @property
    def model_version(self) -> str:
        """The pipeline's version."""
        return str(self._nlp.meta["version"])

    @property
    def naming(self) -> str:
        """What decides on names, with its version."""
        return f"{self.counter.version} {self._reading}"

    def extract(self, texts: Sequence[str]) -> Sequence[Outcome]:
        """Count each text's entities. Raises if the pipeline raises on any of them."""
        self.renew_in_time()
        # Everything spaCy learns from these texts is freed with the zone; what leaves it are
        # Python's own strings.
        with self._nlp.memory_zone():
            readable = (cut(self.read(content)) for content in texts)
            docs = self._nlp.pipe(readable, batch_size=len(texts))
            return [self._count(doc) for doc in docs]

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Return each text's entities, in order. Raises if the pipeline raises on any of them."""
        self.renew_in_time()
        return stock_entities(self._nlp, texts)

    @property
    def nlp(self) -> Language:
        """The pipeline; another one after it was loaded anew."""
        return self._nlp

    @property
    def sets_entities(self) -> bool:
        """Whether a component is known to set doc.ents."""
        nlp = self._nlp
        return any("doc.ents" in nlp.get_pipe_meta(name).assigns for name in nlp.pipe_names)

    def renew_in_time(self) -> None:
        """After enough words, load the pipeline anew, to free what its vocabulary has taken."""
        if len(self._nlp.vocab) - self._words_at_first < self._renew_after_words:
            return
        try:
            self._nlp = self._load()
        except Exception as error:  # noqa: BLE001 - the one that is loaded still works
            log.warning("the pipeline cannot be loaded anew", error=type(error).__name__)
        self._words_at_first = len(self._nlp.vocab)
        gc.unfreeze()  # the process may have frozen the former one
        gc.collect()  # a pipeline is full of cycles

    def _count(self, doc: Doc) -> Counts:
        return self.counter.count(doc.text, entities_of(doc))


def unread_components(nlp: Language) -> list[str]:
    """Return the components that can be left out without changing an entity.

    None, unless the pipeline consists of components of spaCy's own whose needs are known.
    """
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    if not set(factories.values()) <= _UNDERSTOOD:
        return []
    unread = [name for name, factory in factories.items() if factory in _UNREAD]
    kept = [pipe for name, pipe in nlp.pipeline if name not in unread]
    return [] if any(_needs_others(pipe, nlp.vocab) for pipe in kept) else unread


def _needs_others(pipe: Pipe, vocab: Vocab) -> bool:
    if isinstance(pipe, AttributeRuler):
        return not is_harmless(pipe)  # such rules may match what a tagger has found
    return reads_annotations(pipe, vocab)


def _load(settings: ExtractorSettings) -> Language:
    nlp = spacy.load(settings.model)
    # As it is read, a text may be longer than it was: see pipelines.cutting.
    longest = settings.max_content_bytes + settings.max_content_bytes // RUN
    nlp.max_length = max(nlp.max_length, longest)
    for name in unread_components(nlp):
        nlp.disable_pipe(name)
    return nlp
