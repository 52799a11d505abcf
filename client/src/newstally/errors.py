# ruff: noqa: N818 - the leaves are named for what happened; only the groups are called errors
"""What can go wrong, as a tree: catch it at the level wanted.

NewstallyError
├── TransientError            the same call may work later
│   ├── GatewayUnavailable    not reached, restarting, draining, broken off
│   ├── GatewayBusy           reached, and asks to wait
│   └── GaveUp                the client's own patience ran out
└── PermanentError            the same call will fail again
    ├── InvalidRequest        wrong argument or offset
    ├── NotFound              no such upload, or nothing of that publication
    ├── AccessDenied          not authenticated, or another owner's upload
    ├── UploadIdTaken         another owner has that upload_id
    ├── MessageTooLarge       over the gateway's receive limit
    ├── NoGateway             what is at the target is no Newstally gateway
    ├── UploadTakenOver       another client sends the same upload
    ├── UploadWentBackwards   what was acknowledged is gone: the journal was replaced
    ├── UnexpectedStatus      any other status
    │   └── Unanswered        the store cannot answer within its bounds, or is too old
    └── InputError            the input cannot be read, or is not the one of that upload
"""


class NewstallyError(Exception):
    """Anything that this library raises on purpose."""

    upload_id: str = ""
    """The upload that it is about, if it ended one."""
    next_offset: int | None = None
    """How many of its articles were acknowledged then: where it goes on."""


class TransientError(NewstallyError):
    """The same call may work later."""

    retry_after_seconds: float | None = None
    """How long the gateway asks to wait; None leaves it to the client's backoff."""


class GatewayUnavailable(TransientError):
    """The gateway could not be reached, or broke the call off."""


class GatewayBusy(TransientError):
    """The gateway has no room now and asks to come back later."""

    def __init__(self, message: str, retry_after_seconds: float) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class GaveUp(TransientError):
    """Nothing moved for as long as the client was to wait; the cause is the last failure."""


class PermanentError(NewstallyError):
    """The same call will fail again."""


class InvalidRequest(PermanentError):
    """An argument or an offset is wrong."""


class NotFound(PermanentError):
    """There is no such upload, or nothing of that publication is in the sink."""


class AccessDenied(PermanentError):
    """The caller is unknown, or the upload is another owner's."""


class UploadIdTaken(PermanentError):
    """Another owner has an upload of that id."""


class MessageTooLarge(PermanentError):
    """A message was over the receiver's limit."""


class NoGateway(PermanentError):
    """What is at the target is no Newstally gateway, or speaks another protocol."""


class UploadTakenOver(PermanentError):
    """Another stream was opened on the upload, later than this one, and goes on with it.

    Trying again would take it back, and the two would go on like that for ever.
    """


class UploadWentBackwards(PermanentError):
    """Articles that were acknowledged are not settled any more.

    The persister's journal was replaced or restored from a backup. Sending them again would count
    those twice that had reached the sink, so a person has to look first.
    """


class UnexpectedStatus(PermanentError):
    """The gateway answered with a status that the protocol does not foresee."""


class Unanswered(UnexpectedStatus):
    """The store cannot answer this within its bounds, or an older release does not know it."""


class InputError(PermanentError):
    """The input cannot be read as articles, or is not the input of the upload to resume."""
