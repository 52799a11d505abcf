"""From outcomes to messages. Pure: no clock, no I/O."""

from collections.abc import Iterable, Iterator

from newstally_protos.limits import (
    LABEL_LIMIT_BYTES,
    REASON_LIMIT_BYTES,
    cut,
    result_limit_bytes,
)
from newstally_protos.names import bounded
from newstally_protos.v1 import extractor_pb2 as pb

from newstally_extractor.counting.entities import Counts, NamedCounts
from newstally_extractor.engines.engine import Outcome

_SHORT_LABEL = LABEL_LIMIT_BYTES // 4
"""In characters: so many are never too many bytes."""
_FIELD_BYTES = 8
"""At least what the tag and the length of one result take in a Results message."""


def answer(work_id: int, content_bytes: int, outcome: Outcome) -> pb.Result:
    """Return the answer to one attempt: entities within their bound, or a failure."""
    if isinstance(outcome, Exception):
        return extraction_failed(work_id, outcome)
    try:
        entities = _entities(outcome)
    except (TypeError, ValueError) as error:  # not text, or a count that is none
        return extraction_failed(work_id, error)
    size, limit = entities.ByteSize(), result_limit_bytes(content_bytes)
    if size > limit:
        return _failure(
            work_id,
            pb.FAILURE_REASON_RESULT_TOO_LARGE,
            f"the entities take {size} bytes, over the limit of {limit}",
        )
    return pb.Result(id=work_id, entities=entities)


def extraction_failed(work_id: int, error: Exception) -> pb.Result:
    """Return the failure for an error of the pipeline, by its type: its text may hold content."""
    return _failure(
        work_id,
        pb.FAILURE_REASON_EXTRACTION_FAILED,
        f"the pipeline raised {type(error).__name__}",
    )


def content_too_long(work_id: int, content_bytes: int, limit_bytes: int) -> pb.Result:
    """Return the failure for content over the extractor's limit."""
    return _failure(
        work_id,
        pb.FAILURE_REASON_CONTENT_TOO_LONG,
        f"the content has {content_bytes} bytes, over the extractor's limit of {limit_bytes}",
    )


def pack(results: Iterable[pb.Result], limit_bytes: int) -> Iterator[list[pb.Result]]:
    """Cut results into groups, each of which is a Results message of at most `limit_bytes`.

    A result that is larger alone is a group of its own.
    """
    group: list[pb.Result] = []
    group_bytes = 0
    for result in results:
        size = result.ByteSize() + _FIELD_BYTES
        if group and group_bytes + size > limit_bytes - _FIELD_BYTES:
            yield group
            group, group_bytes = [], 0
        group.append(result)
        group_bytes += size
    if group:
        yield group


def _entities(counts: Counts) -> pb.ArticleEntities:
    names = counts.names if isinstance(counts, NamedCounts) else {}
    entities = pb.ArticleEntities()
    add = entities.entities.add  # half as long as giving it a list
    for (text, as_found), mentions in counts.items():
        label = as_found
        if len(label) > _SHORT_LABEL:
            label = bounded(label, LABEL_LIMIT_BYTES)
        if name := names.get((text, as_found)):
            add(text=text, label=label, mentions=mentions, name=name)
        else:
            add(text=text, label=label, mentions=mentions)
    return entities


def _failure(work_id: int, reason: pb.FailureReason.ValueType, message: str) -> pb.Result:
    failure = pb.Failure(reason=reason, message=cut(message, REASON_LIMIT_BYTES))
    return pb.Result(id=work_id, failure=failure)
