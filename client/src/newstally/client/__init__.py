"""The clients: for asyncio, and for programs without it."""

from newstally.client.asynchronous import (
    DEFAULT_TARGET,
    FIRST_CONTACT_SECONDS,
    NewstallyClient,
    new_upload_id,
)
from newstally.client.synchronous import SyncNewstallyClient

__all__ = [
    "DEFAULT_TARGET",
    "FIRST_CONTACT_SECONDS",
    "NewstallyClient",
    "SyncNewstallyClient",
    "new_upload_id",
]
