"""The certificates of an installation in a folder.

DIR/ca.pem, ca-key.pem         the authority; whoever has its key is any service, and the gateway
DIR/gateway, extractor, persister    tls.crt, tls.key, ca.crt: what each shows the others
DIR/door                       the same for the gateway's clients

Each folder has the files of a Kubernetes Secret, as cert-manager writes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from newstally_protos.wire import EXTRACTOR_NAME, GATEWAY_NAME, PERSISTER_NAME

from newstally.certificates.authority import Authority
from newstally.errors import InputError
from newstally.files import PRIVATE_MODE, replacing_bytes

LOOPBACK = ("localhost", "127.0.0.1", "::1")
"""What this machine calls itself."""
CERTIFICATE, KEY, AUTHORITIES = "tls.crt", "tls.key", "ca.crt"
DOOR = "door"
SERVICES = {"gateway": GATEWAY_NAME, "extractor": EXTRACTOR_NAME, "persister": PERSISTER_NAME}


@dataclass(frozen=True, slots=True)
class Folder:
    """Where the certificates are."""

    path: Path

    @property
    def authority(self) -> Path:
        """The authority's certificate: what clients are given as --ca."""
        return self.path / "ca.pem"

    def certificate(self, name: str) -> tuple[Path, Path, Path]:
        """Return where the certificate of a service or the door is, its key, and authorities."""
        folder = self.path / name
        return folder / CERTIFICATE, folder / KEY, folder / AUTHORITIES

    def make(
        self, door_names: Sequence[str], now: datetime, days: float, *, only_below: float = 0
    ) -> list[str]:
        """Make what is missing; return what was made: the authority (once), and certificates.

        With `only_below` certificates stay that are valid for as many days more; without, each is
        made anew, and services that run take it by themselves. Raises InputError.
        """
        made = []
        _private_folder(self.path)
        authority = self._authority()
        if authority is None:
            authority = Authority.new(now)
            write(self.path / "ca-key.pem", authority.key)
            write(self.authority, authority.certificate)
            made.append("ca")
        # The door is shown to clients, who show nothing.
        wanted = {name: ([own], True) for name, own in SERVICES.items()}
        wanted[DOOR] = ([*dict.fromkeys((*door_names, *LOOPBACK))], False)
        for name, (names, client) in wanted.items():
            chain, key, authorities = self.certificate(name)
            if (
                only_below
                and key.exists()
                and authorities.exists()
                and _lasts(chain, now + timedelta(days=only_below))
            ):
                continue
            if authority.expires < now + timedelta(days=days):
                raise InputError(
                    f"{self.authority}: ends on {authority.expires:%Y-%m-%d}, before what it is to"
                    " issue; make another one in another folder (docs/operating.md, Certificates)"
                )
            try:
                issued = authority.issue(names, now, days, client=client)
            except ValueError as error:
                raise InputError(f"--name: {error}") from error
            _private_folder(chain.parent)
            write(authorities, self.authority.read_bytes())
            write(key, issued.key)
            write(chain, issued.chain)  # last: where it is, all is
            made.append(name)
        return made

    def _authority(self) -> Authority | None:
        key = self.path / "ca-key.pem"
        try:
            # The newest is first, where older ones are still believed.
            return Authority.load(self.authority.read_bytes(), key.read_bytes())
        except FileNotFoundError as error:
            # A key alone that has issued nothing is what an interrupted first time leaves.
            issued = any(self.path.glob(f"*/{CERTIFICATE}"))
            if self.authority.exists() or (key.exists() and issued):
                raise InputError(f"{error.filename} is missing: the other one is there") from error
            return None
        except (OSError, ValueError) as error:
            raise InputError(f"{self.authority}, {key}: {error}") from error


def write(path: Path, content: bytes) -> None:
    """Put the content there, whole or not at all, for the owner's eyes only.

    Raises InputError.
    """
    try:
        with replacing_bytes(path, PRIVATE_MODE) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def _private_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def _lasts(chain: Path, until: datetime) -> bool:
    try:
        certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    except (OSError, ValueError):
        return False
    return certificate.not_valid_after_utc >= until
