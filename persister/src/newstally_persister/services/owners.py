"""Whose upload it is, and the tokens of the streams that add to it."""

import itertools
from typing import Any, NamedTuple

import grpc
from newstally_protos.wire import ANONYMOUS_OWNER, LIMITS_KEY, OWNER_KEY
from newstally_runtime.status import StatusError, invalid

OWNER_LIMIT_BYTES = 256


def owner_of(context: grpc.aio.ServicerContext[Any, Any]) -> str:
    """Return the caller's owner, as the gateway vouches for it. Raises StatusError."""
    for key, value in context.invocation_metadata() or ():
        if key == OWNER_KEY:
            if not isinstance(value, str) or not 0 < len(value) <= OWNER_LIMIT_BYTES:
                raise invalid(OWNER_KEY, f"must have 1 to {OWNER_LIMIT_BYTES} characters")
            return value
    return ANONYMOUS_OWNER


class Bounds(NamedTuple):
    """The limits of the caller's key that are kept here; None: not bounded."""

    open_uploads: int | None = None
    uploads_per_day: int | None = None
    publications_per_day: int | None = None


def bounds_of(context: grpc.aio.ServicerContext[Any, Any]) -> Bounds:
    """Return the limits of the caller's key, as the gateway tells them. Raises StatusError."""
    for key, value in context.invocation_metadata() or ():
        if key == LIMITS_KEY:
            try:
                pairs = (pair.split("=", 1) for pair in str(value).split(","))
                return Bounds(**{name: int(number) for name, number in pairs})
            except (TypeError, ValueError) as error:
                raise invalid(LIMITS_KEY, "is malformed") from error
    return Bounds()


def over_limit() -> StatusError:
    """Return the error for a batch that brings more than a day allows."""
    return StatusError(
        grpc.StatusCode.PERMISSION_DENIED,
        "this owner has brought as many new publications today (UTC) as its key may: go on "
        "tomorrow, or ask for a key that may more",
    )


def unknown_upload() -> StatusError:
    """Return the error for an id that no upload of the owner has."""
    return StatusError(grpc.StatusCode.NOT_FOUND, "no such upload: create it first")


def id_taken(owner: str) -> StatusError:
    """Return the error for an id that the owner cannot have: see journal.tables.owned."""
    return StatusError(
        grpc.StatusCode.ALREADY_EXISTS,
        "another owner has this upload_id: take another one"
        if owner == ANONYMOUS_OWNER
        else "the upload of this id was made without a key: take another id, or have it assigned "
        f"to {owner} with an admin key (AssignUpload)",
    )


def taken_over() -> StatusError:
    """Return the error for a batch of a stream behind which a later one was opened."""
    return StatusError(
        grpc.StatusCode.FAILED_PRECONDITION,
        "another stream has taken this upload over: let one client at a time send it",
    )


class Tokens:
    """Each is higher than those before, also of other processes: see journal.tables.owned."""

    def __init__(self) -> None:
        self._following = itertools.count(1)

    def begin(self, first: int) -> None:
        """Count from the process's first token. Before it serves."""
        self._following = itertools.count(first)

    def next(self) -> int:
        """Return the next one."""
        return next(self._following)
