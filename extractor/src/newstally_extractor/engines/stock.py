"""Any spaCy pipeline that sets doc.ents, through nlp.pipe."""

from collections.abc import Sequence

import spacy
import structlog
from spacy.language import Language
from spacy.tokens import Doc

from newstally_extractor.engine import Outcome, SettingError
from newstally_extractor.entities import Counts, count_mentions
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
"""Factories whose annotations spaCy's own entity recogniser does not look at."""
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


def make(settings: ExtractorSettings) -> "StockEngine":
    """Load the pipeline. Raises SettingError for a model that cannot be loaded."""
    try:
        nlp = spacy.load(settings.model)
    except Exception as error:  # what a package or a configuration may raise is open
        lines = str(error).splitlines() or [type(error).__name__]
        raise SettingError(
            "model",
            f"cannot load {settings.model!r} ({lines[0]}); give the name of a spaCy pipeline that "
            f"is installed here (`pip install` it, or `python -m spacy download` it) or its folder",
        ) from error
    nlp.max_length = max(nlp.max_length, settings.max_content_bytes)
    for name in unread_components(nlp):
        nlp.disable_pipe(name)
    if not _entity_components(nlp):
        log.warning("no component is known to set doc.ents", components=nlp.pipe_names)
    return StockEngine(nlp, settings.excluded_labels)


class StockEngine:
    """spaCy as it is."""

    def __init__(self, nlp: Language, excluded_labels: frozenset[str]) -> None:
        """Use a pipeline that is loaded; labels as in doc.ents."""
        self._nlp = nlp
        self._excluded = excluded_labels

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

    def extract(self, texts: Sequence[str]) -> Sequence[Outcome]:
        """Count each text's entities. Raises if the pipeline raises on any of them."""
        # Everything spaCy learns from these texts is freed with the zone; what leaves it are
        # Python's own strings.
        with self._nlp.memory_zone():
            return [self._count(doc) for doc in self._nlp.pipe(texts, batch_size=len(texts))]

    def _count(self, doc: Doc) -> Counts:
        return count_mentions(((ent.text, ent.label_) for ent in doc.ents), self._excluded)


def unread_components(nlp: Language) -> list[str]:
    """Return the components that can be left out without changing an entity.

    None, unless the pipeline consists of components of spaCy's own whose needs are known.
    """
    factories = {name: nlp.get_pipe_meta(name).factory for name in nlp.pipe_names}
    if not set(factories.values()) <= _UNDERSTOOD:
        return []
    return [name for name, factory in factories.items() if factory in _UNREAD]


def _entity_components(nlp: Language) -> list[str]:
    return [name for name in nlp.pipe_names if "doc.ents" in nlp.get_pipe_meta(name).assigns]
