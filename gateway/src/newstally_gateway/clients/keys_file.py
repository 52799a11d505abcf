"""The keys file of a gateway, read again when it changes."""

import time
from collections.abc import Callable
from pathlib import Path

import structlog
from newstally_protos.keys import FILE_LIMIT_BYTES, KeysError, read_keys

from newstally_gateway.core.keys.keyring import Keyring

BLANK_SECONDS = 10.0
"""A file that has become blank lets nobody in after this; one that says "no keys" does at once."""

log = structlog.get_logger()


class KeysFile:
    """What a file last said that could be read."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Read it. Raises OSError and KeysError."""
        self._path = path
        self._clock = clock
        self._coming_since = 0.0
        self._seen = self._coming = self._stamp()
        self.keyring = self._read()
        """The keys, as of the last good look."""
        self.trouble: str | None = None
        """Why they are not those of the file now; None: they are."""

    def look(self) -> bool:
        """Read the file again if it has changed; return whether there are other keys now.

        What cannot be read changes nothing, and is told once. A file counts as changed when it is
        the same at two looks, and a blank one after BLANK_SECONDS: it may be about to be written.
        """
        try:
            stamp = self._stamp()
            if stamp == self._seen and self.trouble is None:
                return False
            if stamp != self._coming:
                self._coming, self._coming_since = stamp, self._clock()
                return False
            if self._is_blank() and self._clock() - self._coming_since < BLANK_SECONDS:
                return False
            keyring = self._read()
            if stamp != self._stamp():
                return False
        except (OSError, KeysError) as error:
            self._keep(str(error.strerror if isinstance(error, OSError) else error))
            return False
        self._seen = stamp
        self.keyring = keyring
        self.trouble = None
        log.info("keys read again", path=str(self._path), keys=len(keyring))
        return True

    def _keep(self, trouble: str) -> None:
        if trouble != self.trouble:
            log.error(
                "keys file not usable, the last good keys stay",
                path=str(self._path),
                reason=trouble,
                keys=len(self.keyring),
                remedy="mend the file: until then no key is added, revoked or changed",
            )
        self.trouble = trouble

    def _stamp(self) -> tuple[int, ...]:
        # Of the file that a link leads to: Kubernetes changes a Secret by changing the link.
        found = self._path.stat()
        return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size

    def _is_blank(self) -> bool:
        with self._path.open("rb") as file:
            return len(self.keyring) > 0 and not file.read(FILE_LIMIT_BYTES).strip()

    def _read(self) -> Keyring:
        with self._path.open("rb") as file:
            return Keyring(read_keys(file.read(FILE_LIMIT_BYTES + 1)))
