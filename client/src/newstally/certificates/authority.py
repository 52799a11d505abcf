"""An authority of one's own, and the certificates that it issues. Nothing is read or written."""

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

AUTHORITY_DAYS = 3650
_HOST = re.compile(r"(\*\.)?(?!-)[\w-]{1,63}(?<!-)(\.(?!-)[\w-]{1,63}(?<!-))*", re.ASCII)
CLOCKS_APART = timedelta(minutes=5)
"""What another machine's clock may be behind."""


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with its key."""

    chain: bytes
    """PEM."""
    key: bytes
    """PEM, PKCS #8, without a password."""


class Authority:
    """Issues certificates; whoever believes its own believes them."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key

    @classmethod
    def new(cls, now: datetime, days: float = AUTHORITY_DAYS) -> Self:
        """Make one with a new key."""
        key = ec.generate_private_key(ec.SECP256R1())
        # The same name twice would make one authority look like another one.
        name = _named(f"Newstally authority {secrets.token_hex(4)}")
        builder = (
            _begin(name, name, key.public_key(), now, days)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
        )
        return cls(builder.sign(key, hashes.SHA256()), key)

    @classmethod
    def load(cls, certificate: bytes, key: bytes) -> Self:
        """Return the one of this PEM. Raises ValueError if it is not one."""
        loaded = x509.load_pem_x509_certificate(certificate)
        private = serialization.load_pem_private_key(key, password=None)
        if (
            isinstance(private, ec.EllipticCurvePrivateKey)
            and private.public_key() == loaded.public_key()
        ):
            return cls(loaded, private)
        raise ValueError("certificate and key do not belong together")

    @property
    def certificate(self) -> bytes:
        """PEM."""
        return self._certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key(self) -> bytes:
        """PEM, PKCS #8, without a password."""
        return _pem(self._key)

    @property
    def expires(self) -> datetime:
        """When nothing that it issued is believed any more."""
        return self._certificate.not_valid_after_utc

    def issue(
        self,
        names: Sequence[str],
        now: datetime,
        days: float,
        *,
        server: bool = True,
        client: bool = True,
    ) -> Issued:
        """Return a certificate for these names: host names, IP addresses or URIs.

        `server`, `client`: at which end of a connection it may be shown. It ends with the authority
        at the latest. Raises ValueError for what is no name.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        left = (self.expires - now) / timedelta(days=1)
        purposes = [
            *([ExtendedKeyUsageOID.SERVER_AUTH] if server else []),
            *([ExtendedKeyUsageOID.CLIENT_AUTH] if client else []),
        ]
        issuer = self._key.public_key()
        builder = (
            _begin(
                _named(names[0]),
                self._certificate.subject,
                key.public_key(),
                now,
                min(days, left),
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
            .add_extension(x509.SubjectAlternativeName(list(map(_name, names))), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
        )
        certificate = builder.sign(self._key, hashes.SHA256())
        return Issued(certificate.public_bytes(serialization.Encoding.PEM), _pem(key))


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    now: datetime,
    days: float,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_APART)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(text: str) -> x509.Name:
    # A common name has at most 64 characters; nobody reads it but people.
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text[:64])])


def _name(text: str) -> x509.GeneralName:
    if "://" in text:
        return x509.UniformResourceIdentifier(text)
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        if len(text) > 253 or not _HOST.fullmatch(text):
            raise ValueError(f"{text[:64]!r} is no host name, address or URI") from None
        return x509.DNSName(text)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
