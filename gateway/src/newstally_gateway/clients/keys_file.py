"""The keys file of a gateway, read again when it changes."""

from pathlib import Path

import structlog
from newstally_protos.keys import FILE_LIMIT_BYTES, KeysError, read_keys

from newstally_gateway.core.keys.keyring import Keyring

log = structlog.get_logger()


class KeysFile:
    """What a file last said that could be read."""

    def __init__(self, path: Path) -> None:
        """Read it. Raises OSError and KeysError."""
        self._path = path
        self._seen = self._coming = self._stamp()
        self.keyring = self._read()
        """The keys, as of the last good look."""
        self.trouble: str | None = None
        """Why they are not those of the file now; None: they are."""

    def look(self) -> bool:
        """Read the file again if it has changed; return whether there are other keys now.

        What cannot be read changes nothing, and is told once. A file counts as changed when it is
        the same at two looks: one that is written in place is empty for a moment.
        """
        try:
            stamp = self._stamp()
            if stamp == self._seen and self.trouble is None:
                return False
            if stamp != self._coming:
                self._coming = stamp
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

    def _read(self) -> Keyring:
        with self._path.open("rb") as file:
            return Keyring(read_keys(file.read(FILE_LIMIT_BYTES + 1)))
