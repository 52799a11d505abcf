"""What came of an article: counted or refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from newstally_protos.limits import (
    ARTICLE_ID_LIMIT_BYTES,
    ENTITY_TEXT_LIMIT_BYTES,
    LABEL_LIMIT_BYTES,
    MODEL_LIMIT_BYTES,
    REASON_LIMIT_BYTES,
    cut,
    result_limit_bytes,
)
from newstally_protos.v1.article_pb2 import Refusal, RefusalReason
from newstally_protos.v1.extractor_pb2 import ArticleEntities, FailureReason, Result

from newstally_gateway.core.tasks import Poisoned, Task
from newstally_gateway.core.validation import Flaw, size_bytes


@dataclass(frozen=True, slots=True)
class Counted:
    """The article's entities are known."""

    publication: str
    """Trimmed; at most 512 bytes."""
    entities: bytes
    """The ArticleEntities as the replica sent them, checked, serialised: parsed they would take
    three to ten times the memory, and keep alive the message that they came in."""
    model: str
    """Name and version of the pipeline, "name version"."""
    size_bytes: int
    """Upper bound of what it adds to a RecordBatchRequest."""
    day: int | None = None
    """The day that it was published on, if that is known: see newstally_protos.days."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The article is not counted."""

    refusal: Refusal
    """With the article's offset."""
    size_bytes: int
    """Upper bound of what it adds to a RecordBatchRequest."""


Outcome: TypeAlias = Counted | Refused


@dataclass(frozen=True, slots=True)
class Judged:
    """A replica's result, checked."""

    outcome: Outcome
    """What counts."""
    defect: str | None
    """What breaks the protocol in it, if anything: the replica's fault, worth one log line."""


def judge(task: Task, result: Result, model: str) -> Judged:
    """Turn the result of an answered attempt into its outcome.

    A result that breaks the protocol becomes a refusal (EXTRACTION_FAILED; RESULT_TOO_LARGE when
    over its bound): data from a replica never raises.
    """
    match result.WhichOneof("outcome"):
        case "entities":
            return _judge_entities(task, result.entities, model)
        case "failure":
            failure = result.failure
            reason = _REASONS.get(failure.reason, RefusalReason.REFUSAL_REASON_EXTRACTION_FAILED)
            return Judged(_refuse(task.offset, task.article_id, reason, failure.message), None)
        case _:
            return _broken(task, "a result without an outcome")


def refuse_flawed(offset: int, article_id: str, flaw: Flaw) -> Refused:
    """Refuse an article that was not accepted; a long article_id is cut to 256 bytes."""
    return _refuse(offset, article_id, flaw.reason, flaw.message)


def refuse_poisoned(poisoned: Poisoned) -> Refused:
    """Refuse an article that was given up."""
    return _refuse(
        poisoned.task.offset,
        poisoned.task.article_id,
        RefusalReason.REFUSAL_REASON_POISON,
        "replicas died, or ran out of time, whenever they worked on this article alone",
    )


def _judge_entities(task: Task, entities: ArticleEntities, model: str) -> Judged:
    data = entities.SerializeToString()  # ByteSize would take as long
    size = len(data)
    limit = result_limit_bytes(task.size_bytes)
    if size > limit:
        message = f"the entities take {size} bytes, over the limit of {limit}"
        reason = RefusalReason.REFUSAL_REASON_RESULT_TOO_LARGE
        return Judged(_refuse(task.offset, task.article_id, reason, message), message)
    defect = _find_defect(entities, size, task.size_bytes)
    if defect is not None:
        return _broken(task, defect)
    if size > ENTITY_TEXT_LIMIT_BYTES:
        data = entities.SerializeToString()  # a name may have been taken out
    model = cut(model, MODEL_LIMIT_BYTES)
    size += (
        _ENTITY_GROWTH_BYTES * len(entities.entities)
        + size_bytes(task.publication)
        + size_bytes(model)
        + _COUNTED_OVERHEAD_BYTES
    )
    counted = Counted(task.publication, data, model, size, task.day)
    return Judged(counted, None)


def _find_defect(entities: ArticleEntities, size: int, content_bytes: int) -> str | None:
    # Nothing in a small message is too long: mostly texts and names need not be looked at again.
    if size > ENTITY_TEXT_LIMIT_BYTES:
        for entity in entities.entities:
            if _is_over(entity.text, ENTITY_TEXT_LIMIT_BYTES):
                return "an entity whose text is too long"
            if _is_over(entity.name, ENTITY_TEXT_LIMIT_BYTES):
                entity.name = ""  # it is only shown
    seen = set()
    for entity in entities.entities:
        text, label = entity.text, entity.label
        if not text or not label:
            return "an entity without text or label"
        if len(label) > LABEL_LIMIT_BYTES // 4 and _is_over(label, LABEL_LIMIT_BYTES):
            return "an entity whose label is too long"
        # Each takes a byte of the content. Unbounded, they would add up to a batch that the journal
        # never takes.
        if not 1 <= entity.mentions <= content_bytes:
            return f"an entity with {entity.mentions} mentions in {content_bytes} bytes"
        seen.add((text, label))
    if len(seen) != len(entities.entities):
        return "an entity that comes twice"
    return None


def _is_over(text: str, limit_bytes: int) -> bool:
    # A character takes at most four bytes, so the bytes hardly ever have to be counted.
    return len(text) > limit_bytes // 4 and size_bytes(text) > limit_bytes


def _broken(task: Task, defect: str) -> Judged:
    reason = RefusalReason.REFUSAL_REASON_EXTRACTION_FAILED
    message = f"the extractor answered with {defect}"
    return Judged(_refuse(task.offset, task.article_id, reason, message), defect)


def _refuse(offset: int, article_id: str, reason: RefusalReason.ValueType, message: str) -> Refused:
    refusal = Refusal(
        offset=offset,
        article_id=cut(article_id, ARTICLE_ID_LIMIT_BYTES),
        reason=reason,
        message=cut(message, REASON_LIMIT_BYTES),
    )
    return Refused(refusal, refusal.ByteSize() + _REFUSED_OVERHEAD_BYTES)


_REASONS: Mapping[int, RefusalReason.ValueType] = {
    FailureReason.FAILURE_REASON_CONTENT_TOO_LONG: RefusalReason.REFUSAL_REASON_CONTENT_TOO_LONG,
    FailureReason.FAILURE_REASON_RESULT_TOO_LARGE: RefusalReason.REFUSAL_REASON_RESULT_TOO_LARGE,
}
"""Any other failure is EXTRACTION_FAILED."""

LARGEST_OUTCOME_BYTES = 2_700_000
"""More than any outcome adds to a RecordBatchRequest: the largest result (2,008,192 bytes), whose
entities (10 bytes or more each) grow by 3 when folded, its publication and its model."""

# What becomes larger when an entity is folded into a tally: the field `articles` (a tag and a byte;
# more bytes only when many entities become one tally) and the length before the tally.
_ENTITY_GROWTH_BYTES = 3
# Tags and lengths of a PublicationBatch, its publication, and of a model; the fields `articles` and
# `day`.
_COUNTED_OVERHEAD_BYTES = 40
# Tag and length of a Refusal in a batch.
_REFUSED_OVERHEAD_BYTES = 8
