"""Values as messages."""

from google.protobuf.timestamp_pb2 import Timestamp
from newstally_protos.v1 import article_pb2, tally_pb2, upload_pb2

from newstally_persister.sinks.base import EntityTally, PublicationTally
from newstally_persister.sinks.questions.asked import (
    DayTally,
    PublicationMentions,
    RisingEntity,
)
from newstally_persister.values.batches import Refusal, RefusalRange
from newstally_persister.values.uploads import Upload


def upload_message(upload: Upload, set_aside_rows: int = 0) -> upload_pb2.Upload:
    """Return the upload as its owner may see it, with what the sink refuses of the whole store."""
    return upload_pb2.Upload(
        upload_id=upload.own_id,
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


def day_message(tally: DayTally) -> tally_pb2.DayTally:
    """Return an entity's day."""
    return tally_pb2.DayTally(
        period=tally.period,
        mentions=tally.mentions,
        articles=tally.articles,
        counted_articles=tally.counted,
    )


def mentions_message(found: PublicationMentions) -> tally_pb2.PublicationMentions:
    """Return how often a publication mentions an entity."""
    return tally_pb2.PublicationMentions(
        publication=found.name,
        mentions=found.mentions,
        articles=found.articles,
        counted_articles=found.counted,
    )


def rising_message(found: RisingEntity) -> tally_pb2.RisingEntity:
    """Return an entity that rose."""
    return tally_pb2.RisingEntity(
        tally=entity_message(found.tally),
        base_mentions=found.base_mentions,
        base_articles=found.base_articles,
        times=found.rise.times,
        at_least=found.rise.at_least,
    )


def _timestamp(micros: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromMicroseconds(micros)
    return stamp
