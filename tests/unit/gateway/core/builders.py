"""What the tests of the gateway's decisions are made of."""

from collections.abc import Mapping

from newstally_gateway.core.clients.effects import Counters
from newstally_gateway.core.clients.ledger import BatchLimits
from newstally_gateway.core.outcomes import Counted, Refused, refuse_flawed
from newstally_gateway.core.tasks import Task
from newstally_gateway.core.validation import Flaw
from newstally_protos.v1.article_pb2 import RefusalReason
from newstally_protos.v1.extractor_pb2 import ArticleEntities, EntityMentions

SEND_BYTES = 4 * 1024 * 1024 - 64 * 1024


def task(stream: str, offset: int, size: int = 100) -> Task:
    """Return a task that counts as `size` bytes, whatever its content."""
    return Task(stream, offset, "The Times", f"{stream}-{offset}", "text", size)


def entities(mentions: Mapping[tuple[str, str], int]) -> ArticleEntities:
    """Return the message for {(text, label): mentions}."""
    return ArticleEntities(
        entities=[
            EntityMentions(text=text, label=label, mentions=count)
            for (text, label), count in mentions.items()
        ]
    )


def counted(size: int = 100) -> Counted:
    """Return an outcome without entities that counts as `size` bytes."""
    return Counted("The Times", b"", "en 1", size)


def refused(offset: int) -> Refused:
    """Return a refusal."""
    flaw = Flaw(RefusalReason.REFUSAL_REASON_CONTENT_EMPTY, "the content is empty")
    return refuse_flawed(offset, f"id-{offset}", flaw)


def limits(close_bytes: int = 1256, max_age: float = 0.25) -> BatchLimits:
    """Return limits for batches of `close_bytes`, 256 of which are overhead."""
    return BatchLimits(send_bytes=SEND_BYTES, close_bytes=close_bytes, max_age=max_age)


class Count:
    """What a metric counted."""

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        self.value += amount


def count_nothing() -> Counters:
    """Return counters that nobody looks at."""
    return Counters(Count(), Count(), Count())
