"""A certificate with its key, as it lies in files: checked, or refused with the reason."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

Contents = tuple[bytes, ...]


class CertificateError(Exception):
    """Files that cannot be used: one line that names the file and says why."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """Where a certificate is; all PEM."""

    chain: Path
    """The certificate, then those between it and its authority."""
    key: Path
    """Its private key, without a password."""
    authorities: Path | None = None
    """Whose certificates are believed of peers; None: no certificate is asked of them."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        return (self.chain, self.key, *([self.authorities] if self.authorities else ()))


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that can be used, with its key."""

    chain: bytes
    key: bytes
    authorities: bytes | None
    names: frozenset[str]
    """Its subject alternative names: DNS names and URIs."""
    expires: datetime


def read(files: CertificateFiles) -> Contents:
    """Return what is in the files. Raises CertificateError."""
    contents = []
    for path in files.paths:
        try:
            contents.append(path.read_bytes())
        except OSError as error:
            raise CertificateError(f"{path}: {error.strerror or error}") from error
    return tuple(contents)


def parse(files: CertificateFiles, contents: Contents, now: datetime) -> Certificate:
    """Check what was read, and return it.

    Raises CertificateError for what is no PEM, for a key of another certificate, and for a
    certificate whose time has not come or is over.
    """
    chain, key, *more = contents
    leaf = _certificates(files.chain, chain)[0]
    try:
        private = serialization.load_pem_private_key(key, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{files.key}: no private key in PEM without password") from error
    if private.public_key() != leaf.public_key():
        raise CertificateError(f"{files.key}: the key of another certificate than {files.chain}")
    if not leaf.not_valid_before_utc <= now < leaf.not_valid_after_utc:
        raise CertificateError(
            f"{files.chain}: valid from {leaf.not_valid_before_utc:%Y-%m-%d %H:%M} to"
            f" {leaf.not_valid_after_utc:%Y-%m-%d %H:%M} UTC, not now"
        )
    if files.authorities is not None:
        _certificates(files.authorities, more[0])
    return Certificate(
        chain=chain,
        key=key,
        authorities=more[0] if more else None,
        names=frozenset(_names(leaf)),
        expires=leaf.not_valid_after_utc,
    )


def load(files: CertificateFiles) -> Certificate:
    """Read and check as of now. Raises CertificateError."""
    return parse(files, read(files), datetime.now(UTC))


def _certificates(path: Path, pem: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(f"{path}: no certificate in PEM") from error


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
    ]
