"""A certificate with its key, as it lies in files: checked, or refused with the reason."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Contents = tuple[bytes, ...]

RSA_BITS = 2048
CURVES = {"secp256r1": "P-256", "secp384r1": "P-384"}
"""Keys that gRPC can show, by what `cryptography` calls them, which reads many more."""
_BEGINNINGS = {b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CERTIFICATE-----"}


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

    Raises CertificateError for what is no PEM or not whole, for a key of a kind that gRPC cannot
    use or of another certificate, and for a certificate whose time has not come or is over.
    """
    try:
        return _parse(files, contents, now)
    except CertificateError:
        raise
    except Exception as error:  # of many kinds; none of them may end a service
        raise CertificateError(f"{files.chain}: cannot be read: {error}") from error


def _parse(files: CertificateFiles, contents: Contents, now: datetime) -> Certificate:
    chain, key, *more = contents
    leaf = _certificates(files.chain, chain)[0]
    _check_kind(files.chain, leaf)
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
    """Return all of a file. What else is in it, a key say, counts only as being whole."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise CertificateError(f"{path}: no certificate in PEM") from error
    lines = pem.splitlines()
    begun = [line.rstrip() for line in lines if line.startswith(b"-----BEGIN")]
    ended = sum(line.startswith(b"-----END") for line in lines)
    # The parser passes over what is cut off, and takes marks within a line, as gRPC does not.
    if len(begun) != ended or sum(line in _BEGINNINGS for line in begun) != len(found):
        raise CertificateError(f"{path}: PEM that is cut off, or has marks within a line")
    return found


def _check_kind(path: Path, leaf: x509.Certificate) -> None:
    match public := leaf.public_key():
        case rsa.RSAPublicKey():
            kind, usable = f"RSA of {public.key_size} bits", public.key_size >= RSA_BITS
        case ec.EllipticCurvePublicKey():
            kind, usable = f"EC on {public.curve.name}", public.curve.name in CURVES
        case _:
            kind, usable = type(public).__name__.removesuffix("PublicKey"), False
    plain = public.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    if usable and plain not in leaf.tbs_certificate_bytes:  # RSA-PSS; a curve that is spelled out
        kind, usable = f"{kind} with parameters of its own", False
    if not usable:
        raise CertificateError(
            f"{path}: a key of the kind {kind} cannot be used; RSA of {RSA_BITS} bits or more can,"
            f" and EC on {' or '.join(CURVES.values())}"
        )


def _names(leaf: x509.Certificate) -> list[str]:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [
        *names.get_values_for_type(x509.DNSName),
        *names.get_values_for_type(x509.UniformResourceIdentifier),
    ]
