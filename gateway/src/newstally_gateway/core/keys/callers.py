"""Who calls, and what that one may."""

from dataclasses import dataclass
from enum import Enum, auto

from newstally_protos.keys import Key, allows

METHODS = {
    "newstally.v1.GatewayService": {"": {"write"}},
    "newstally.v1.StatusService": {"": {"read", "admin"}},
    "newstally.v1.TallyService": {"": {"read"}},
    "newstally.v1.UploadService": {
        # Each of its own uploads: whoever writes has to look where to go on.
        "": {"read", "write"},
        "CreateUpload": {"write"},
        "AssignUpload": {"admin"},
    },
    "grpc.reflection.v1.ServerReflection": {"": {"read", "write", "admin"}},
    "grpc.reflection.v1alpha.ServerReflection": {"": {"read", "write", "admin"}},
}
"""Per service and method (empty: any other) the scopes of which one is needed. What is not here
needs `admin`."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever made a call."""

    owner: str
    """Whose uploads it sees and makes."""
    key: Key | None = None
    """What it showed; None where the door is open."""

    @property
    def publications(self) -> tuple[str, ...] | None:
        """Globs of the publications that it may read and write; None: all."""
        return None if self.key is None else self.key.publications

    def may_write(self, publication: str) -> bool:
        """Whether it may write articles of a publication."""
        return allows(self.publications, publication)


class Ground(Enum):
    """Why a call is rejected."""

    UNAUTHENTICATED = auto()
    """It is not known who calls."""
    DENIED = auto()
    """It is known, and that one may not."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """A call that is not let in."""

    ground: Ground
    """For programs."""
    message: str
    """For people, with the remedy; nothing of what they sent."""


NO_KEY = Rejection(
    Ground.UNAUTHENTICATED,
    "a key is needed: send it as metadata `authorization: Bearer ID.SECRET` "
    "(newstally takes it from NEWSTALLY_KEY or --key-file)",
)
WRONG_KEY = Rejection(
    Ground.UNAUTHENTICATED,
    "this key is not known, or was revoked: ask whoever runs the gateway for another one "
    "(`newstally key new`)",
)
EXPIRED_KEY = Rejection(
    Ground.UNAUTHENTICATED,
    "this key has expired: ask whoever runs the gateway for another one (`newstally key new`)",
)
NO_KEYS = Rejection(
    Ground.UNAUTHENTICATED,
    "this gateway has no keys, so it lets nobody in: whoever runs it adds one to its keys file "
    "(`newstally key new`)",
)


def scopes_for(method: str) -> set[str]:
    """Return the scopes of which one is needed for a method, `/package.Service/Method`."""
    service, _, name = method.removeprefix("/").partition("/")
    methods = METHODS.get(service, {})
    return methods.get(name) or methods.get("") or {"admin"}
