"""Whose upload it is."""

from typing import Any

import grpc
from newstally_protos.wire import ANONYMOUS_OWNER, OWNER_KEY
from newstally_runtime.status import StatusError, invalid

from newstally_persister.values.uploads import Upload

OWNER_LIMIT_BYTES = 256


def owner_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the caller's owner, as the gateway vouches for it. Raises StatusError."""
    for key, value in context.invocation_metadata() or ():
        if key == OWNER_KEY:
            if not isinstance(value, str) or not 0 < len(value) <= OWNER_LIMIT_BYTES:
                raise invalid(OWNER_KEY, f"must have 1 to {OWNER_LIMIT_BYTES} characters")
            return value
    return ANONYMOUS_OWNER


def owned(upload: Upload | None, owner: str) -> Upload:
    """Return the upload if it is the owner's. Raises NOT_FOUND and PERMISSION_DENIED."""
    if upload is None:
        raise unknown_upload()
    if upload.owner != owner:
        raise StatusError(grpc.StatusCode.PERMISSION_DENIED, "another owner's upload")
    return upload


def unknown_upload() -> StatusError:
    """Return the error for an id that no upload has."""
    return StatusError(grpc.StatusCode.NOT_FOUND, "no such upload: create it first")
