"""The values that go in and come out. All are immutable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Article:
    """One text with the publication that published it."""

    publication: str
    """Who published it: 1 to 512 bytes of UTF-8 after trimming."""
    content: str
    """The text: not blank, at most 1,000,000 bytes of UTF-8 unless the gateway says otherwise."""
    article_id: str = ""
    """The caller's own name for it, at most 256 bytes. Echoed in refusals, and nothing else."""
    publish_time: datetime | None = None
    """When it was published; a naive time is UTC. Its day in UTC is what it is counted under; None:
    under no day."""


ArticleLike = Article | Mapping[str, object]
"""What an upload takes; a mapping has the fields of an Article, the last two if it likes. There
`publish_time` may also be a date, or a text as the command line reads it; what cannot be read is no
time."""
MALFORMED = Article("", "")
"""Stands for a record that is no article: itself, not its equals. It takes its place in the upload,
and every gateway refuses it as MALFORMED."""


_MISSING = frozenset({"nan", "NaN", "None", "<NA>"})
"""How pandas writes that there is nothing."""


def present(value: object) -> object:
    """Return a field's value; what is missing, to pandas too, is empty."""
    missing = (
        value in _MISSING if isinstance(value, str) else value is None or _unlike_itself(value)
    )
    return "" if missing else value


def _unlike_itself(value: object) -> bool:
    unequal: object = value != value  # noqa: PLR0124
    try:
        return not hasattr(unequal, "__len__") and bool(unequal)  # an array gives an array
    except TypeError:
        return unequal is value  # pandas' NA gives itself, which is neither true nor false


class RefusalReason(StrEnum):
    """Why an article is not counted."""

    UNSPECIFIED = "UNSPECIFIED"
    """A reason this version of the library does not know."""
    ARTICLE_MISSING = "ARTICLE_MISSING"
    PUBLICATION_EMPTY = "PUBLICATION_EMPTY"
    PUBLICATION_TOO_LONG = "PUBLICATION_TOO_LONG"
    CONTENT_EMPTY = "CONTENT_EMPTY"
    CONTENT_TOO_LONG = "CONTENT_TOO_LONG"
    ARTICLE_ID_TOO_LONG = "ARTICLE_ID_TOO_LONG"
    POISON = "POISON"
    EXTRACTION_FAILED = "EXTRACTION_FAILED"
    RESULT_TOO_LARGE = "RESULT_TOO_LARGE"
    MALFORMED = "MALFORMED"
    PUBLISH_TIME_INVALID = "PUBLISH_TIME_INVALID"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An article that is not counted. It is settled: sending it again changes nothing."""

    offset: int
    """Its 0-based position in the upload."""
    article_id: str
    """The caller's name for it, cut to 256 bytes."""
    reason: RefusalReason
    """Why, for programs."""
    message: str
    """Why, for people."""


@dataclass(frozen=True, slots=True)
class RefusalRange:
    """Offsets of which articles were refused for one reason; which ones they were is not kept."""

    first_offset: int
    """The first of these refusals."""
    end_offset: int
    """One past the last of them."""
    reason: RefusalReason
    """Why, for programs."""
    articles: int
    """How many there are: all of the range, or fewer where counted articles stand between."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A numbered sequence of articles, as the journal knows it."""

    upload_id: str
    """1 to 128 characters: letters, digits and `._:-`, the first a letter or a digit."""
    next_offset: int
    """How many articles are settled; equals `counted + refused`."""
    applied_offset: int
    """How many of them have their tallies in the sink; at most `next_offset`."""
    counted: int
    """How many articles were counted."""
    refused: int
    """How many articles were refused."""
    mentions: int
    """How many mentions the counted articles have."""
    models: tuple[str, ...]
    """The models ("name version", and what decides on names) that extracted it so far."""
    create_time: datetime
    """When it was made (UTC)."""
    update_time: datetime
    """When `next_offset` last moved (UTC)."""
    set_aside_rows: int = field(default=0, kw_only=True)
    """Rows of the whole store, of whichever uploads, that the sink refuses: they wait in the
    journal, also below `applied_offset`. Only `NewstallyClient.get_upload` tells it."""


@dataclass(frozen=True, slots=True)
class UploadStatistics:
    """How one call of `NewstallyClient.upload` went."""

    seconds: float = 0.0
    """From its beginning to its end."""
    settled: int = 0
    """Articles that it sent and that were settled."""
    settled_bytes: int = 0
    """Bytes of their messages."""
    retries: int = 0
    """Failures after which it tried again."""
    settle_p50_seconds: float = 0.0
    """From being sent first to being settled: half of the articles took at most so long."""
    settle_p95_seconds: float = 0.0
    """Likewise 95 of 100 articles, within 5 %."""
    settle_p99_seconds: float = 0.0
    """Likewise 99 of 100 articles."""


@dataclass(frozen=True, slots=True)
class UploadSummary(Upload):
    """What became of one call of `NewstallyClient.upload`: the upload after it, and the call."""

    articles: int
    """How many articles the input of this call had, those settled before included."""
    refusals: tuple[Refusal, ...]
    """The refusals that this call heard of: the first 100 by offset. Complete lists come from
    `NewstallyClient.refusals`."""
    statistics: UploadStatistics = UploadStatistics()
    """How it went."""


@dataclass(frozen=True, slots=True)
class Progress:
    """An upload has moved, or lives on."""

    upload: Upload
    """The upload as it stands."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call failed and will be tried again."""

    error: Exception
    """What failed."""
    seconds: float
    """How long until the next try."""


UploadEvent = Progress | Refusal | Waiting
"""What `NewstallyClient.upload` tells while it works."""


@dataclass(frozen=True, slots=True)
class PublicationTally:
    """What one publication adds up to."""

    publication: str
    """In the spelling first seen."""
    articles: int
    """How many of its articles were counted."""
    mentions: int
    """How many mentions those have."""


@dataclass(frozen=True, slots=True)
class EntityTally:
    """How often one publication mentions one entity."""

    text: str
    """The normalised text."""
    label: str
    """The pipeline's label, for example "PERSON"."""
    mentions: int
    """How many times it occurs."""
    articles: int
    """In how many articles it occurs."""
    name: str
    """As readers write it; the normalised text where nothing else is known."""
