"""Makes the library's values of the protocol's messages."""

from datetime import UTC

from newstally_protos.v1 import article_pb2, tally_pb2, upload_pb2

from newstally.values import (
    EntityTally,
    PublicationTally,
    Refusal,
    RefusalRange,
    RefusalReason,
    Upload,
)

_PREFIX = "REFUSAL_REASON_"


def to_upload(message: upload_pb2.Upload) -> Upload:
    """Return the value of an Upload message."""
    return Upload(
        upload_id=message.upload_id,
        next_offset=message.next_offset,
        applied_offset=message.applied_offset,
        counted=message.counted,
        refused=message.refused,
        mentions=message.mentions,
        models=tuple(message.models),
        create_time=message.create_time.ToDatetime(UTC),
        update_time=message.update_time.ToDatetime(UTC),
        set_aside_rows=message.set_aside_rows,
    )


def to_refusal(message: article_pb2.Refusal) -> Refusal:
    """Return the value of a Refusal message; a reason unknown here becomes UNSPECIFIED."""
    return Refusal(message.offset, message.article_id, _reason(message.reason), message.message)


def to_range(message: upload_pb2.RefusalRange) -> RefusalRange:
    """Return the value of a RefusalRange message."""
    reason = _reason(message.reason)
    return RefusalRange(message.first_offset, message.end_offset, reason, message.articles)


def _reason(number: int) -> RefusalReason:
    known = article_pb2.RefusalReason.DESCRIPTOR.values_by_number.get(number)
    name = known.name.removeprefix(_PREFIX) if known is not None else ""
    return RefusalReason.__members__.get(name, RefusalReason.UNSPECIFIED)


def to_publication_tally(message: tally_pb2.PublicationTally) -> PublicationTally:
    """Return the value of a PublicationTally message."""
    return PublicationTally(message.publication, message.articles, message.mentions)


def to_entity_tally(message: tally_pb2.EntityTally) -> EntityTally:
    """Return the value of an EntityTally message."""
    return EntityTally(
        message.text,
        message.label,
        message.mentions,
        message.articles,
        message.name or message.text,
    )
