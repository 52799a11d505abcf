"""What `newstally up --secure` needs besides the services: certificates, and a first key.

DATA/secure/ca.pem     whom clients believe
DATA/secure/key        the first key; may read and write everything
DATA/secure/keys.json  the keys that the gateway knows
DATA/secure/dashboard-key   where there is a dashboard: a key that may only read
and the certificates of `newstally.certificates.folder`; all for the owner's eyes only.
"""

import asyncio
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from newstally_protos.wire import ANONYMOUS_OWNER

from newstally.certificates.folder import DOOR, LOOPBACK, Folder, write
from newstally.errors import InputError
from newstally.files import alone
from newstally.keys import list_keys, make_key
from newstally.up.services import DASHBOARD

JOURNAL = "journal.db"
"""Where uploads are kept, in the data directory."""
DAYS = 398.0
RENEW_BELOW_DAYS = 200.0
"""What is valid for less is made anew, at the start and every day."""
LOOK_SECONDS = 24 * 3600.0
OWNER = "local"
"""Of the first key; that of data which was open before is the owner of the uploads in it."""
SCOPES = ("read", "write", "admin")
"""Of the first key, so that it can also take over what was uploaded before there were keys."""


class Secured:
    """The certificates and the key of one data directory."""

    def __init__(self, data: Path, *, dashboard: bool = False) -> None:
        self.folder = Folder(data / "secure")
        self._dashboard = dashboard

    @property
    def key(self) -> Path:
        """File of the first key."""
        return self.folder.path / "key"

    @property
    def dashboard_key(self) -> Path:
        """File of the dashboard's key."""
        return self.folder.path / "dashboard-key"

    @property
    def keys(self) -> Path:
        """File of the keys that the gateway knows."""
        return self.folder.path / "keys.json"

    def prepare(self) -> list[str]:
        """Make what is missing or ends soon; return what was made. Raises InputError."""
        try:
            self.folder.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with alone(self.folder.path / ".lock"):  # another `up` on the same data may begin now
                now = datetime.now(UTC)
                made = self.folder.make(LOOPBACK, now, DAYS, only_below=RENEW_BELOW_DAYS)
                if not self.key.exists():
                    was_open = (self.folder.path.parent / JOURNAL).exists()
                    owner = ANONYMOUS_OWNER if was_open else OWNER
                    write(self.key, f"{make_key(self.keys, owner, SCOPES)}\n".encode())
                    made.append("key")
                if self._dashboard and not self.dashboard_key.exists():
                    # Of the same owner, so that it shows the uploads.
                    key = make_key(self.keys, self._owner(), ("read",))
                    write(self.dashboard_key, f"{key}\n".encode())
                    made.append("dashboard-key")
        except OSError as error:
            raise InputError(f"{self.folder.path}: {error.strerror or error}") from error
        return made

    def flags(self, kind: str) -> list[str]:
        """Return what lets a service use its certificates, and the gateway the keys."""
        if kind == DASHBOARD:
            return [f"--ca={self.folder.authority}", f"--key-file={self.dashboard_key}"]
        chain, key, authorities = self.folder.certificate(kind)
        given = [f"--mtls-cert={chain}", f"--mtls-key={key}", f"--mtls-ca={authorities}"]
        if kind == "gateway":
            chain, key, _ = self.folder.certificate(DOOR)
            given += [f"--tls-cert={chain}", f"--tls-key={key}", f"--keys={self.keys}"]
        return given

    def usage(self) -> str:
        """Return how a client uses them."""
        command = ["newstally", "upload", "FILE", "--ca", str(self.folder.authority)]
        return "use it with: " + shlex.join([*command, "--key-file", str(self.key)])

    def _owner(self) -> str:
        """Return the owner of the first key; OWNER where it was taken back."""
        first = self.key.read_text().partition(".")[0]
        return next((key.owner for key in list_keys(self.keys) if key.id == first), OWNER)

    async def keep_renewed(self, tell: Callable[[str], None]) -> None:
        """Renew certificates before they end, until cancelled; services take them by themselves.

        What keeps it from that it tells, and tries again tomorrow: months are left.
        """
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await asyncio.to_thread(self.prepare)
            except InputError as error:
                tell(str(error))
