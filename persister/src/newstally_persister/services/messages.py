"""Values as messages."""

from google.protobuf.timestamp_pb2 import Timestamp
from newstally_protos.v1 import article_pb2, tally_pb2, upload_pb2

from newstally_persister.sinks.base import EntityTally, PublicationTally
from newstally_persister.values.batches import Refusal, RefusalRange
from newstally_persister.values.uploads import Upload


def upload_message(upload: Upload, set_aside_rows: int = 0) -> upload_pb2.Upload:
    """Return the upload as its owner may see it, with what the sink refuses of the whole store."""
    return upload_pb2.Upload(
        upload_id=upload.upload_id,
        next_offset=upload.next_offset,
        applied_offset=upload.applied_offset,
        counted=upload.counted,
        refused=upload.refused,
        mentions=upload.mentions,
        models=upload.models,
        create_time=_timestamp(upload.create_micros),
        update_time=_timestamp(upload.update_micros),
        set_aside_rows=set_aside_rows,
    )


def refusal_message(refusal: Refusal) -> article_pb2.Refusal:
    """Return the refusal as it was recorded."""
    message = article_pb2.Refusal(
        offset=refusal.offset, article_id=refusal.article_id, message=refusal.message
    )
    # Enums are open: a reason that this release has no name for is passed on.
    message.reason = refusal.reason  # type: ignore[assignment]
    return message


def range_message(found: RefusalRange) -> upload_pb2.RefusalRange:
    """Return a range of refusals that are not listed."""
    message = upload_pb2.RefusalRange(
        first_offset=found.first_offset, end_offset=found.end_offset, articles=found.articles
    )
    message.reason = found.reason  # type: ignore[assignment]
    return message


def publication_message(tally: PublicationTally) -> tally_pb2.PublicationTally:
    """Return the publication under its name; its key is nobody's affair."""
    return tally_pb2.PublicationTally(
        publication=tally.name, articles=tally.articles, mentions=tally.mentions
    )


def entity_message(tally: EntityTally) -> tally_pb2.EntityTally:
    """Return the entity's tally."""
    return tally_pb2.EntityTally(
        text=tally.text,
        label=tally.label,
        mentions=tally.mentions,
        articles=tally.articles,
        name=tally.name,
    )


def _timestamp(micros: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMicroseconds(micros)
    return stamp
