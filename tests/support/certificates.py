"""Certificates of an installation, and peers that have wrong ones."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from newstally.certificates.authority import Authority, Issued
from newstally.certificates.folder import DOOR, Folder

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
