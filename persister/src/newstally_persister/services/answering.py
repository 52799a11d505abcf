"""How errors become a call's status."""

import functools
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from newstally_runtime.status import StatusError, abort, invalid, wait

from newstally_persister.journal.errors import JournalClosedError, JournalFullError
from newstally_persister.sinks.base import PublicationUnknownError, SinkBusyError, SinkError
from newstally_persister.sinks.questions.asked import (
    EntityUnknownError,
    NothingComparableError,
    UnansweredError,
)
from newstally_persister.sqlite.threads import BusyError
from newstally_persister.values.batches import InvalidBatchError

Request = TypeVar("Request")
Response = TypeVar("Response")
Servicer = TypeVar("Servicer")
Method = Callable[[Servicer, Request, Any], Awaitable[Response]]
READ_RETRY_SECONDS = 0.5


def answered(method: Method[Servicer, Request, Response]) -> Method[Servicer, Request, Response]:
    """Let a servicer's method raise what happened; end the call with the status for it."""

    @functools.wraps(method)
    async def call(servicer: Servicer, request: Request, context: Any) -> Response:
        try:
            return await method(servicer, request, context)
        except (
            StatusError,
            InvalidBatchError,
            JournalFullError,
            JournalClosedError,
            BusyError,
            SinkError,
        ) as error:
            await abort(context, _status(error))

    return call


def _status(error: Exception) -> StatusError:
    match error:
        case StatusError():
            decided = error
        case InvalidBatchError():
            decided = invalid(error.field, error.message)
        case JournalFullError():
            decided = wait(error.retry_seconds, str(error))
        case BusyError() | SinkBusyError():
            decided = wait(READ_RETRY_SECONDS, "too many reads wait")
        case PublicationUnknownError():
            decided = StatusError(grpc.StatusCode.NOT_FOUND, "no tallies of this publication")
        case EntityUnknownError():
            decided = StatusError(grpc.StatusCode.NOT_FOUND, "no tallies of this entity")
        case NothingComparableError():
            decided = StatusError(grpc.StatusCode.FAILED_PRECONDITION, str(error))
        case UnansweredError():
            decided = StatusError(grpc.StatusCode.UNIMPLEMENTED, str(error))
        case SinkError():
            decided = _unavailable("the tallies cannot be read now")
        case _:
            decided = _unavailable("the persister is ending")
    return decided


def _unavailable(message: str) -> StatusError:
    return StatusError(grpc.StatusCode.UNAVAILABLE, message)
