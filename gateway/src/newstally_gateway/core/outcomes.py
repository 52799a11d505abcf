"""What came of an article: counted or refused."""

from dataclasses import dataclass
from typing import TypeAlias

from newstally_protos.v1.article_pb2 import Refusal, RefusalReason
from newstally_protos.v1.extractor_pb2 import ArticleEntities, Result

from newstally_gateway.core.tasks import Poisoned, Task
from newstally_gateway.core.validation import Flaw


@dataclass(frozen=True, slots=True)
class Counted:
    """The article's entities are known."""

    publication: str
    """Trimmed; at most 4,096 bytes."""
    entities: ArticleEntities
    """As the replica sent them, checked; a message of its own, not part of a larger one."""
    model: str
    """Name and version of the pipeline, "name version"."""
    size_bytes: int
    """Upper bound of what it adds to a RecordBatchRequest."""


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
    raise NotImplementedError


def refuse_flawed(offset: int, article_id: str, flaw: Flaw) -> Refused:
    """Refuse an article that was not accepted; a long article_id is cut to 256 bytes."""
    raise NotImplementedError


def refuse_poisoned(poisoned: Poisoned) -> Refused:
    """Refuse an article that was given up."""
    raise NotImplementedError
