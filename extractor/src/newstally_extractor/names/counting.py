"""From an article's entities to counts under names."""

from collections.abc import Sequence
from typing import Protocol

from newstally_protos.limits import result_limit_bytes
from newstally_protos.spellings import better

from newstally_extractor.counting.entities import Counts, NamedCounts, count_mentions
from newstally_extractor.names.aliases import load_aliases
from newstally_extractor.names.finding import Mention
from newstally_extractor.names.naming import Namer
from newstally_extractor.settings import ExtractorSettings

_FIELDS_BYTES = 20
"""More than what the tags, the lengths and the number of one entity take in a message."""


class Counter(Protocol):
    """Counts what an article mentions."""

    @property
    def version(self) -> str:
        """Which rules and which table decide on names: "merged-1-0a1b2c3d", or "as-found"."""
        ...

    def count(self, text: str, mentions: Sequence[Mention]) -> Counts:
        """Count the mentions, which are in the text's order, by key and label."""
        ...


class CountsNames:
    """Counts each mention under the name that the article and the table give it."""

    def __init__(self, namer: Namer, excluded: frozenset[str]) -> None:
        """Leave out names whose label is excluded."""
        self.version = namer.version
        self._namer = namer
        self._excluded = excluded

    def count(self, text: str, mentions: Sequence[Mention]) -> Counts:
        """Count the mentions by key and label, with their names.

        Where that would take more bytes than a result may, names are left out; and where that is
        not enough, each mention counts under its own text.
        """
        counts = NamedCounts()
        names = counts.names
        for (key, label, spelling), times in self._namer.counted(text, mentions):
            if not label or label in self._excluded:
                continue
            entity = (key, label)
            counts[entity] = counts.get(entity, 0) + times
            if spelling != key:
                known = names.get(entity)
                if known is None:
                    names[entity] = spelling
                elif known != spelling:
                    names[entity] = better(known, spelling)
        if _most_bytes(counts) <= result_limit_bytes(len(text)):
            return counts
        limit = result_limit_bytes(len(text.encode()))
        if _size_bytes(counts) <= limit:
            return counts
        # Names may be far longer than what stands in the text; no article is refused for them.
        counts.names.clear()
        if _size_bytes(counts) <= limit:
            return counts
        return CountsTexts(self._excluded).count(text, mentions)


def _most_bytes(counts: NamedCounts) -> int:
    """Return at most what the counts take in a message, without encoding anything."""
    characters = sum([len(key) + len(label) for key, label in counts])
    characters += sum(map(len, counts.names.values()))
    return 4 * characters + _FIELDS_BYTES * len(counts)


def _size_bytes(counts: NamedCounts) -> int:
    """Return at least what the counts take in a message."""
    texts = "".join([key + label for key, label in counts])
    names = "".join(counts.names.values())
    return len(texts.encode()) + len(names.encode()) + _FIELDS_BYTES * len(counts)


class CountsTexts:
    """Counts each mention under its own text."""

    def __init__(self, excluded: frozenset[str]) -> None:
        """Leave out mentions whose label is excluded."""
        self.version = "as-found"
        self._excluded = excluded

    def count(self, text: str, mentions: Sequence[Mention]) -> Counts:
        """Count the mentions by normalised text and label."""
        found = ((text[start:end], label) for start, end, label in mentions)
        return count_mentions(found, self._excluded)


def make_counter(settings: ExtractorSettings) -> Counter:
    """Return the counter that the settings ask for. Raises AliasError."""
    if settings.names == "as-found":
        return CountsTexts(settings.excluded_labels)
    return CountsNames(Namer(load_aliases(settings.aliases)), settings.excluded_labels)
