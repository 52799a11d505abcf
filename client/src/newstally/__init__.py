"""Send articles to Newstally and read what they add up to.

with SyncNewstallyClient("127.0.0.1:50051") as client:
    upload = client.upload([Article("The Daily", "Angela Merkel met ...")])

`NewstallyClient` is the same for asyncio.
"""

import logging

from newstally.client import NewstallyClient, SyncNewstallyClient, new_upload_id
from newstally.days.answers import (
    DayTally,
    Found,
    History,
    Mentioning,
    PublicationMentions,
    Ranking,
    Rising,
    RisingEntity,
)
from newstally.days.blocking import SyncQuestions
from newstally.days.questions import Questions
from newstally.errors import (
    AccessDenied,
    GatewayBusy,
    GatewayUnavailable,
    GaveUp,
    InputError,
    InvalidRequest,
    MessageTooLarge,
    NewstallyError,
    NoGateway,
    NotFound,
    PermanentError,
    TransientError,
    Unanswered,
    UnexpectedStatus,
    UploadIdTaken,
    UploadTakenOver,
    UploadWentBackwards,
)
from newstally.settings import Access, RetryPolicy, WindowLimits
from newstally.values import (
    Article,
    ArticleLike,
    EntityTally,
    Progress,
    PublicationTally,
    Refusal,
    RefusalRange,
    RefusalReason,
    Upload,
    UploadEvent,
    UploadStatistics,
    UploadSummary,
    Waiting,
)

__all__ = [
    "Access",
    "AccessDenied",
    "Article",
    "ArticleLike",
    "DayTally",
    "EntityTally",
    "Found",
    "GatewayBusy",
    "GatewayUnavailable",
    "GaveUp",
    "History",
    "InputError",
    "InvalidRequest",
    "Mentioning",
    "MessageTooLarge",
    "NewstallyClient",
    "NewstallyError",
    "NoGateway",
    "NotFound",
    "PermanentError",
    "Progress",
    "PublicationMentions",
    "PublicationTally",
    "Questions",
    "Ranking",
    "Refusal",
    "RefusalRange",
    "RefusalReason",
    "RetryPolicy",
    "Rising",
    "RisingEntity",
    "SyncNewstallyClient",
    "SyncQuestions",
    "TransientError",
    "Unanswered",
    "UnexpectedStatus",
    "Upload",
    "UploadEvent",
    "UploadIdTaken",
    "UploadStatistics",
    "UploadSummary",
    "UploadTakenOver",
    "UploadWentBackwards",
    "Waiting",
    "WindowLimits",
    "new_upload_id",
]

logging.getLogger("newstally").addHandler(logging.NullHandler())
