"""Who is let in: the keys there are, and what a caller shows.

A caller is rejected alike, and at the same cost, whether its key is unknown, revoked, or shown with
a wrong secret: each time one digest is made, and compared in constant time with one that is there.
"""

from collections.abc import Iterable, Sequence

from newstally_protos.keys import Key, digest_of, same_digest

from newstally_gateway.core.keys.callers import (
    EXPIRED_KEY,
    NO_KEY,
    NO_KEYS,
    WRONG_KEY,
    Caller,
    Ground,
    Rejection,
    scopes_for,
)

_SCHEME = "bearer "
_LONGEST = 128
"""Characters of credentials that are looked at: a key has 60."""
_NOBODY = Key(id="", owner="", sha256=digest_of(""))
"""What an unknown key is compared with."""


class Keyring:
    """The keys of one moment."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.id: key for key in keys}

    def __len__(self) -> int:
        return len(self._keys)

    def admit(self, credentials: Sequence[str], method: str, now: float) -> Caller | Rejection:
        """Say who calls a method, or why that one may not.

        `credentials`: all that stands in KEY_METADATA. `now`: seconds since 1970.
        """
        if not credentials:
            return NO_KEY if self._keys else NO_KEYS
        key = self._identify(credentials)
        if key is None:
            return WRONG_KEY if self._keys else NO_KEYS
        return self._allow(key, method, now)

    def look_again(self, caller: Caller, method: str, now: float) -> Caller | Rejection:
        """Say what has become of a caller that was let in before."""
        if caller.key is None:
            return NO_KEY if self._keys else NO_KEYS
        key = self._keys.get(caller.key.id)
        if key is None or key.sha256 != caller.key.sha256 or key.owner != caller.owner:
            return WRONG_KEY
        return self._allow(key, method, now)

    def _identify(self, credentials: Sequence[str]) -> Key | None:
        shown = credentials[0][: _LONGEST + 1]
        good = len(credentials) == 1 and len(shown) <= _LONGEST and shown.isascii()
        good = good and shown[: len(_SCHEME)].lower() == _SCHEME
        identity, _, secret = (shown[len(_SCHEME) :] if good else "").strip().partition(".")
        key = self._keys.get(identity, _NOBODY)
        same = same_digest(key.sha256, digest_of(secret))
        return key if same and key is not _NOBODY else None

    def _allow(self, key: Key, method: str, now: float) -> Caller | Rejection:
        if key.expires is not None and now >= key.expires.timestamp():
            return EXPIRED_KEY
        needed = scopes_for(method)
        if not needed & key.scopes:
            return Rejection(
                Ground.DENIED,
                f"this key has not the scope {' or '.join(sorted(needed))}: ask whoever runs the "
                "gateway for one that has",
            )
        return Caller(key.owner, key)
