"""A batch as the journal records it, read from a request and checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from newstally_protos.days import FIRST_DAY, LAST_DAY
from newstally_protos.limits import (
    ARTICLE_ID_LIMIT_BYTES,
    ENTITY_TEXT_LIMIT_BYTES,
    LABEL_LIMIT_BYTES,
    MODEL_LIMIT_BYTES,
    REASON_LIMIT_BYTES,
    cut,
)
from newstally_protos.names import bounded, cleaned
from newstally_protos.spellings import better
from newstally_protos.v1 import article_pb2, journal_pb2
from newstally_protos.wire import ANONYMOUS_OWNER

from newstally_persister.values.keys import publication_key, publication_name

MODELS_LIMIT = 100
"""Models of a batch and of an upload that are kept: a few are usual."""
OFFSET_LIMIT = 2**53
"""No upload gets there; below it every sum of articles is exact in any sink."""
MENTIONS_LIMIT = 2**40
"""Mentions in one batch: no batch below 4 MiB gets there, and sums of such stay exact."""

ROW_BYTES = 350
"""Memory that a row takes beside its texts, measured: tuples, strings' heads, a place in a dict."""

RowKey = tuple[str, str, str]
"""(publication_key, text, label); text and label are empty in a publication's own row."""
Tallies = Mapping[RowKey, tuple[int, int]]
"""(mentions, articles) of each row."""


class InvalidBatchError(ValueError):
    """The request contradicts itself: a bug of the caller, permanent."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Refusal(NamedTuple):
    """An article that is not counted."""

    offset: int
    article_id: str
    """At most 256 bytes."""
    reason: int
    """A RefusalReason; numbers that this release does not know are kept."""
    message: str
    """At most 256 bytes, nothing of the content."""


class RefusalRange(NamedTuple):
    """Refusals for one reason that are not kept one by one."""

    first_offset: int
    end_offset: int
    reason: int
    articles: int
    """How many there are in the range."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A contiguous range of offsets of one upload, its tallies merged by key."""

    upload_id: str
    """What the upload is stored as."""
    first_offset: int
    end_offset: int
    names: Mapping[str, str]
    """Publication key to the spelling that came first in the batch."""
    tallies: Tallies
    """What to add, of whichever day, also for each publication's own row."""
    days: Mapping[int, Tallies]
    """Of that, what was published on each day: see newstally_protos.days. Articles without a day
    are in none."""
    spellings: Mapping[tuple[str, str], str]
    """(text, label) to the name that readers know, where one is known: of any publication."""
    refusals: Sequence[Refusal]
    """Within the range, ascending, distinct."""
    models: Sequence[str]
    counted: int
    """Articles counted; with the refusals they make up the range."""
    mentions: int
    """The sum of all entities' mentions."""
    size_bytes: int
    """What the batch is charged while it waits: about the memory that it takes."""
    owner: str = ANONYMOUS_OWNER
    """For whom it is recorded."""
    token: int = 0
    """Of the stream that it comes from; 0: of none."""
    publications_per_day: int | None = None
    """How many new ones its owner may bring in a day (UTC): once there are so many, it brings no
    more. None: not bounded."""

    @property
    def rows(self) -> int:
        """How many rows of the journal it adds or changes, at most."""
        of_days = [len(tallies) for tallies in self.days.values()]
        # Those of the usual day are in the same rows.
        return len(self.tallies) + sum(of_days) - max(of_days, default=0)


def read_batch(request: journal_pb2.RecordBatchRequest, owner: str = ANONYMOUS_OWNER) -> Batch:
    """Check a request and merge its tallies by key. Raises InvalidBatchError."""
    if not 0 <= request.first_offset < request.end_offset <= OFFSET_LIMIT:
        raise InvalidBatchError("end_offset", "must be above first_offset, which is 0 or more")
    refusals = _read_refusals(request)
    if request.token < 0:
        raise InvalidBatchError("token", "must be 0 or more")
    models = _read_models(request.models)
    names: dict[str, str] = {}
    by_day: dict[int | None, dict[RowKey, tuple[int, int]]] = {}
    spellings: dict[tuple[str, str], str] = {}
    counted = 0
    mentions = 0
    for publication in request.publications:
        counted += publication.articles
        tallies = by_day.setdefault(_read_day(publication), {})
        mentions += _merge(publication, names, tallies, spellings)
    if counted + len(refusals) != request.end_offset - request.first_offset:
        raise InvalidBatchError(
            "publications",
            f"{counted} articles and {len(refusals)} refusals do not make up the offsets "
            f"{request.first_offset} to {request.end_offset}",
        )
    if mentions > MENTIONS_LIMIT:
        raise InvalidBatchError("publications", f"more than {MENTIONS_LIMIT} mentions")
    total = summed([*by_day.values()])
    rows = len(total) + (sum(map(len, by_day.values())) if len(by_day) > 1 else 0)
    return Batch(
        upload_id=request.upload_id,
        first_offset=request.first_offset,
        end_offset=request.end_offset,
        names=names,
        tallies=total,
        days={day: tallies for day, tallies in by_day.items() if day is not None},
        spellings=spellings,
        refusals=refusals,
        models=models,
        counted=counted,
        mentions=mentions,
        owner=owner,
        token=request.token,
        size_bytes=request.ByteSize() + ROW_BYTES * (rows + len(refusals)),
    )


def summed(some: Sequence[Tallies]) -> Tallies:
    """Return the sum of tallies; of one of them alone, itself."""
    if len(some) == 1:
        return some[0]
    largest = max(some, key=len, default={})
    total: dict[RowKey, tuple[int, int]] = dict(largest)
    for tallies in some:
        if tallies is not largest:
            for row, (mentions, articles) in tallies.items():
                _add(total, row, mentions, articles)
    return total


def _read_day(publication: journal_pb2.PublicationBatch) -> int | None:
    if not publication.HasField("day"):
        return None
    if not FIRST_DAY <= publication.day <= LAST_DAY:
        raise InvalidBatchError("publications.day", "must be a day of the years 1 to 9999")
    return publication.day


def _merge(
    publication: journal_pb2.PublicationBatch,
    names: dict[str, str],
    tallies: dict[RowKey, tuple[int, int]],
    spellings: dict[tuple[str, str], str],
) -> int:
    """Add one publication's tallies to `tallies`, and what they are called; return its mentions."""
    key = publication_key(publication.publication)
    limit = publication.articles
    if limit < 1:
        raise InvalidBatchError("publications.articles", "must be at least 1")
    names.setdefault(key, publication_name(publication.publication))
    total = 0
    before = len(tallies)
    for entity in publication.entity_tallies:
        # Each is decoded whenever it is asked for.
        text, label = entity.text, entity.label
        mentions, articles = entity.mentions, entity.articles
        if not text or not label:
            raise InvalidBatchError("publications.entity_tallies", "text and label are required")
        if not 1 <= articles <= limit or articles > mentions:
            raise InvalidBatchError(
                "publications.entity_tallies",
                "articles must be at least 1, and at most mentions and the publication's articles",
            )
        total += mentions
        # Bounded, not refused: the article was admitted, and its upload could not go on. Short ones
        # are within the limits whatever their characters take.
        if len(text) > ENTITY_TEXT_LIMIT_BYTES // 4:
            text = bounded(text, ENTITY_TEXT_LIMIT_BYTES)
        if len(label) > LABEL_LIMIT_BYTES // 4:
            label = bounded(label, LABEL_LIMIT_BYTES)
        row = (key, text, label)
        if row in tallies:
            _add(tallies, row, mentions, articles)
        else:
            tallies[row] = (mentions, articles)
        name = entity.name
        if name and (name := _cleaned(name)) != spellings.setdefault((text, label), name):
            spellings[text, label] = better(spellings[text, label], name)
    if len(tallies) - before != len(publication.entity_tallies):
        _check_distinct(publication)
    _add(tallies, (key, "", ""), total, limit)
    return total


def _cleaned(name: str) -> str:
    if name.isprintable() and len(name) <= ENTITY_TEXT_LIMIT_BYTES // 4:
        return name.strip()
    return cut(cleaned(name), ENTITY_TEXT_LIMIT_BYTES)


def _check_distinct(publication: journal_pb2.PublicationBatch) -> None:
    """Raise if an entity comes twice; rows may also meet those of another spelling of it."""
    if len({(each.text, each.label) for each in publication.entity_tallies}) != len(
        publication.entity_tallies
    ):
        raise InvalidBatchError("publications.entity_tallies", "an entity is there twice")


def _add(tallies: dict[RowKey, tuple[int, int]], row: RowKey, mentions: int, articles: int) -> None:
    before = tallies.get(row)
    if before is not None:
        mentions += before[0]
        articles += before[1]
    tallies[row] = (mentions, articles)


def _read_refusals(request: journal_pb2.RecordBatchRequest) -> tuple[Refusal, ...]:
    previous = request.first_offset - 1
    for refusal in request.refusals:
        if not previous < refusal.offset < request.end_offset:
            raise InvalidBatchError(
                "refusals", "offsets must be ascending, distinct and within the batch"
            )
        previous = refusal.offset
    return tuple(_read_refusal(refusal) for refusal in request.refusals)


def _read_refusal(refusal: article_pb2.Refusal) -> Refusal:
    # Cut, not refused: what is too long here is worth less than the upload that it would stop.
    return Refusal(
        refusal.offset,
        cut(refusal.article_id, ARTICLE_ID_LIMIT_BYTES),
        int(refusal.reason),
        cut(refusal.message, REASON_LIMIT_BYTES),
    )


def _read_models(models: Sequence[str]) -> tuple[str, ...]:
    distinct = sorted({cut(model, MODEL_LIMIT_BYTES) for model in models if model})
    return tuple(distinct[:MODELS_LIMIT])
