"""Which of Firestore's errors pass by themselves, and what to do about the others. Pure."""

import re
import traceback
from pathlib import Path

import grpc
from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError

from newstally_persister.sinks.base import PermanentSinkError, SinkError

_CREDENTIALS = (
    "set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file, or give this machine a "
    "service account, or run `gcloud auth application-default login`"
)
_TRANSIENT = {
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNKNOWN,
    # What raced with something else: the next attempt looks anew.
    grpc.StatusCode.ALREADY_EXISTS,
}
_REMEDIES = {
    grpc.StatusCode.UNAUTHENTICATED: _CREDENTIALS,
    grpc.StatusCode.PERMISSION_DENIED: (
        "give the persister's service account the role roles/datastore.user in the project, and "
        "enable the Firestore API there"
    ),
    grpc.StatusCode.NOT_FOUND: (
        "create the database (gcloud firestore databases create), or set --firestore-project and "
        "--firestore-database to one that exists"
    ),
    grpc.StatusCode.FAILED_PRECONDITION: (
        "let the database be one in native mode, with the indexes of firestore/ deployed"
    ),
    grpc.StatusCode.UNIMPLEMENTED: (
        "let FIRESTORE_EMULATOR_HOST name a Firestore emulator, or unset it"
    ),
}
_OF_CREDENTIALS = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}
_REFUSED = "this is a defect of the persister: report it; nothing is lost"
_OWN = "newstally_persister"
"""In the path of each file of this project."""
# gRPC reports what a credentials plugin raises as UNAVAILABLE, with this in the message.
_PLUGIN_FAILED = "metadata from plugin failed"


class CredentialsError(PermanentSinkError):
    """The credentials do not do: with others, a new client may."""


def decide(error: Exception) -> SinkError:
    """Return what an error of the client means: a SinkError, permanent with a remedy or not."""
    match error:
        case SinkError():
            return error
        case GoogleAuthError():
            return CredentialsError(f"no credentials: {error}", _CREDENTIALS)
        case GoogleAPICallError():
            return _of_status(error.grpc_status_code, error.message or str(error))
        case grpc.aio.AioRpcError():
            return _of_status(error.code(), error.details() or "")
        case OSError():
            return SinkError(f"{type(error).__name__}: {error}")
        case _:
            # What it says may be anything, a document's content too; where it was may be told.
            return SinkError(f"{type(error).__name__} {_place(error)}")


def without_names(message: str) -> str:
    """Return a message without the paths of documents: their ids are entities of articles."""
    return re.sub(r"/documents/.*", "/documents/…", message, flags=re.DOTALL)


def _place(error: Exception) -> str:
    """Return where an error came from: the last line of this project's on its way."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _OWN in frame.filename] or frames
    return f"at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else "somewhere"


def _of_status(code: grpc.StatusCode | None, message: str) -> SinkError:
    name = "UNKNOWN" if code is None else code.name
    message = without_names(message)
    if _PLUGIN_FAILED in message:
        return CredentialsError(f"{name}: {message}", _CREDENTIALS)
    if code is None or code in _TRANSIENT:
        return SinkError(f"{name}: {message}")
    kind = CredentialsError if code in _OF_CREDENTIALS else PermanentSinkError
    return kind(f"{name}: {message}", _REMEDIES.get(code, _REFUSED))
