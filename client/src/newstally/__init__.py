"""Send articles to Newstally and read what they add up to.

with SyncNewstallyClient("127.0.0.1:50051") as client:
    upload = client.upload([Article("The Daily", "Angela Merkel met ...")])

`NewstallyClient` is the same for asyncio.
"""

import logging

from newstally.client import NewstallyClient, SyncNewstallyClient, new_upload_id
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
    UnexpectedStatus,
    UploadIdTaken,
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
    "EntityTally",
    "GatewayBusy",
    "GatewayUnavailable",
    "GaveUp",
    "InputError",
    "InvalidRequest",
    "MessageTooLarge",
    "NewstallyClient",
    "NewstallyError",
    "NoGateway",
    "NotFound",
    "PermanentError",
    "Progress",
    "PublicationTally",
    "Refusal",
    "RefusalRange",
    "RefusalReason",
    "RetryPolicy",
    "SyncNewstallyClient",
    "TransientError",
    "UnexpectedStatus",
    "Upload",
    "UploadEvent",
    "UploadIdTaken",
    "UploadStatistics",
    "UploadSummary",
    "UploadWentBackwards",
    "Waiting",
    "WindowLimits",
    "new_upload_id",
]

logging.getLogger("newstally").addHandler(logging.NullHandler())
