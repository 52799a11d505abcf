"""Outcomes that are recorded together, the request that records them, and when it is sent again."""

from dataclasses import dataclass
from typing import NamedTuple

from newstally_protos.spellings import better
from newstally_protos.v1.extractor_pb2 import ArticleEntities
from newstally_protos.v1.journal_pb2 import RecordBatchRequest

from newstally_gateway.core.outcomes import Outcome, Refused

BATCH_OVERHEAD_BYTES = 256
"""More than a RecordBatchRequest takes besides its outcomes: the upload_id and the offsets."""
LONGEST_OBEYED_SECONDS = 30.0
"""What RetryInfo asks for is obeyed up to this."""
PASSING = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "ABORTED"})
"""Status codes of failures that pass by themselves."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A contiguous range of offsets with their outcomes. It never changes."""

    first_offset: int
    """The first offset."""
    outcomes: tuple[Outcome, ...]
    """One per offset, in order; at least one."""
    size_bytes: int
    """Upper bound of the serialised RecordBatchRequest."""

    @property
    def end_offset(self) -> int:
        """One past the last offset."""
        return self.first_offset + len(self.outcomes)


class Opened(NamedTuple):
    """What the persister told when a stream was opened."""

    stored_id: str
    """What batches call the upload."""
    token: int = 0
    """What batches show: the highest one that comes takes the upload over. 0: from a persister of
    release 0.2.0, which knows of none."""


def fold(batch: Batch, stored_id: str, token: int = 0) -> RecordBatchRequest:
    """Sum the batch up per publication, day and entity. Always the same for the same batch."""
    request = RecordBatchRequest(
        upload_id=stored_id,
        first_offset=batch.first_offset,
        end_offset=batch.end_offset,
        token=token,
    )
    articles: dict[tuple[str, int | None], int] = {}
    # Per publication and day, per (text, label): [mentions, articles].
    sums: dict[tuple[str, int | None], dict[tuple[str, str], list[int]]] = {}
    names: dict[tuple[str, str], str] = {}
    models: set[str] = set()
    for outcome in batch.outcomes:
        if isinstance(outcome, Refused):
            request.refusals.append(outcome.refusal)
            continue
        place = (outcome.publication, outcome.day)
        articles[place] = articles.get(place, 0) + 1
        models.add(outcome.model)
        tallies = sums.setdefault(place, {})
        for entity in ArticleEntities.FromString(outcome.entities).entities:
            key = (entity.text, entity.label)
            # Hardly an entity is written in two ways in one batch.
            if (shown := entity.name) and names.setdefault(key, shown) != shown:
                names[key] = better(names[key], shown)
            known = tallies.get(key)
            if known is None:
                tallies[key] = [entity.mentions, 1]
            else:
                known[0] += entity.mentions
                known[1] += 1
    for place, count in articles.items():
        name, day = place
        publication = request.publications.add(publication=name, articles=count, day=day)
        add = publication.entity_tallies.add
        for key, (mentions, seen) in sums[place].items():
            # Field by field: by keyword it takes half as long again.
            tally = add()
            tally.text, tally.label = key
            tally.mentions = mentions
            tally.articles = seen
            # One publication carries the entity's name for all.
            if names and (shown := names.pop(key, "")):
                tally.name = shown
    request.models.extend(sorted(models))
    return request


def wait_seconds(code: str, asked_seconds: float | None, backoff_seconds: float) -> float | None:
    """Return how long to wait before the same batch is sent again; None: it is never taken.

    `asked_seconds`: what RetryInfo says; whatever carries it passes.
    """
    if asked_seconds is not None:
        return min(asked_seconds, LONGEST_OBEYED_SECONDS) + backoff_seconds
    return backoff_seconds if code in PASSING else None
