"""Certificates of an installation, and peers that have wrong ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newstally import Access
from newstally.certificates.authority import Authority, Issued
from newstally.certificates.folder import DOOR, Folder, write
from newstally.keys import make_key

DAYS = 30.0


def make(path: Path) -> Folder:
    """Make an authority and all certificates below `path`, as `newstally cert` does."""
    folder = Folder(path)
    folder.make((), datetime.now(UTC), DAYS)
    return folder


def flags(folder: Folder, service: str) -> list[str]:
    """Return what lets a service use its certificates."""
    chain, key, authorities = folder.certificate(service)
    given = [f"--mtls-cert={chain}", f"--mtls-key={key}", f"--mtls-ca={authorities}"]
    if service == "gateway":
        chain, key, _ = folder.certificate(DOOR)
        given += [f"--tls-cert={chain}", f"--tls-key={key}"]
    return given


def authority(folder: Folder) -> Authority:
    """Return the authority of these certificates."""
    return Authority.load(folder.authority.read_bytes(), (folder.path / "ca-key.pem").read_bytes())


def expired(issuer: Authority, names: Sequence[str]) -> Issued:
    """Return a certificate that was valid until yesterday."""
    return issuer.issue(names, datetime.now(UTC) - timedelta(days=10), 9)


def valid(issuer: Authority, names: Sequence[str]) -> Issued:
    """Return a certificate as good as any that the authority issues."""
    return issuer.issue(names, datetime.now(UTC), DAYS)


@dataclass(frozen=True)
class Secured:
    """Certificates and a key, and how both ends are given them."""

    folder: Folder
    key: str

    @property
    def access(self) -> Access:
        return Access(ca=self.folder.authority, key=self.key)

    @property
    def client_flags(self) -> list[str]:
        return [f"--ca={self.folder.authority}", f"--key-file={self.folder.path / 'key'}"]

    @property
    def gateway_flags(self) -> list[str]:
        """Besides those of the certificates."""
        return [f"--keys={self.folder.path / 'keys.json'}"]


def secure(path: Path) -> Secured:
    """Make certificates and a key below `path`."""
    secured = Secured(make(path), make_key(path / "keys.json", "tests"))
    write(path / "key", secured.key.encode())
    return secured
