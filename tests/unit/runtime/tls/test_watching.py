"""A renewed certificate is taken; one that cannot be used changes nothing."""

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from newstally.certificates.authority import Authority, Issued
from newstally_runtime.tls.certificate import CertificateError, CertificateFiles, load
from newstally_runtime.tls.watching import WatchedCertificate
from structlog.testing import capture_logs
from support.certificates import expired, valid

AUTHORITY = Authority.new(datetime.now(UTC))
DAY = timedelta(days=1)
NAMES = ["gateway.newstally.internal", "spiffe://news/gateway"]


def put(files: CertificateFiles, issued: Issued) -> None:
    files.chain.write_bytes(issued.chain)
    files.key.write_bytes(issued.key)


@pytest.fixture
def files(tmp_path: Path) -> CertificateFiles:
    found = CertificateFiles(tmp_path / "crt", tmp_path / "key", tmp_path / "ca")
    put(found, valid(AUTHORITY, NAMES))
    (tmp_path / "ca").write_bytes(AUTHORITY.certificate)
    return found


def test_what_is_read_is_whole(files: CertificateFiles) -> None:
    """Contents as they are in the files, and the certificate's names."""
    certificate = load(files)
    assert certificate.names == set(NAMES)
    assert [certificate.chain, certificate.key, certificate.authorities] == [
        path.read_bytes() for path in files.paths
    ]


def test_what_cannot_be_used_is_named(files: CertificateFiles) -> None:
    """Each wrong file has its own line."""
    good = [path.read_bytes() for path in files.paths]
    other = valid(AUTHORITY, NAMES)
    wrong: list[tuple[Path, bytes | None, str]] = [
        (files.chain, None, "No such file"),
        (files.chain, b"", "no certificate in PEM"),
        (files.chain, good[1], "no certificate in PEM"),
        (files.chain, other.chain, "the key of another certificate"),
        (files.key, good[0], "no private key in PEM"),
        (files.key, other.key, "the key of another certificate"),
        (files.paths[2], b"junk", "no certificate in PEM"),
    ]
    for path, content, message in wrong:
        before = path.read_bytes()
        path.unlink() if content is None else path.write_bytes(content)
        with pytest.raises(CertificateError, match=message):
            load(files)
        path.write_bytes(before)
    put(files, expired(AUTHORITY, NAMES))
    with pytest.raises(CertificateError, match="not now"):
        load(files)


async def test_a_renewed_certificate_is_used(files: CertificateFiles) -> None:
    """From the next look on, and the log says which."""
    watched = WatchedCertificate("port", files)
    before = watched.current
    await watched.look()
    assert watched.current is before
    put(files, renewed := valid(AUTHORITY, ["other"]))
    with capture_logs() as lines:
        await watched.look()
        await watched.look()
    assert watched.current.chain == renewed.chain
    assert [(line["event"], line["names"]) for line in lines] == [
        ("certificate renewed", ["other"])
    ]


async def test_files_that_are_replaced_one_by_one_are_taken_together(
    files: CertificateFiles,
) -> None:
    """Between the two the old one is used, and nothing is said."""
    watched = WatchedCertificate("port", files)
    before = watched.current
    renewed = valid(AUTHORITY, NAMES)
    with capture_logs() as lines:
        files.key.write_bytes(renewed.key)
        await watched.look()
        assert watched.current is before
        assert lines == []
        files.chain.write_bytes(renewed.chain)
        await watched.look()
    assert watched.current.chain == renewed.chain
    assert [line["event"] for line in lines] == ["certificate renewed"]


async def test_the_last_good_one_stays(files: CertificateFiles) -> None:
    """However often it looks at files that cannot be used, it says so once."""
    watched = WatchedCertificate("port", files)
    before = watched.current
    put(files, expired(AUTHORITY, NAMES))
    with capture_logs() as lines:
        for _ in range(4):
            await watched.look()
        assert watched.current is before
        assert [line["event"] for line in lines] == [
            "certificate cannot be used, the one before stays"
        ]
        put(files, valid(AUTHORITY, NAMES))
        await watched.look()
    assert watched.current is not before
    assert lines[-1]["event"] == "certificate renewed"


def self_signed(files: CertificateFiles, key: Any, names: x509.ExtensionType | None = None) -> None:
    """Put a certificate there that any library takes."""
    now = datetime.now(UTC)
    name = x509.Name([])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - DAY, now + DAY)
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    signing = ec.generate_private_key(ec.SECP256R1())
    files.chain.write_bytes(builder.sign(signing, hashes.SHA256()).public_bytes(Encoding.PEM))
    plain = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files.key.write_bytes(key.private_bytes(*plain))


async def refused(files: CertificateFiles, watched: WatchedCertificate) -> str:
    """Look, and return why the files were refused."""
    before = watched.current
    with capture_logs() as lines:
        for _ in range(2):
            await watched.look()
    assert watched.current is before
    (line,) = lines
    reason: str = line["reason"]
    return reason


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (ed25519.Ed25519PrivateKey.generate, "Ed25519"),
        (ed448.Ed448PrivateKey.generate, "Ed448"),
        (lambda: ec.generate_private_key(ec.SECP521R1()), "EC on secp521r1"),
        (lambda: ec.generate_private_key(ec.SECP256K1()), "EC on secp256k1"),
        (lambda: ec.generate_private_key(ec.BrainpoolP256R1()), "EC on brainpoolP256r1"),
        (lambda: rsa.generate_private_key(65537, 1024), "RSA of 1024 bits"),
    ],
)
async def test_kinds_of_keys_that_grpc_cannot_use_are_named(
    files: CertificateFiles, make: Callable[[], Any], kind: str
) -> None:
    """It would not shake hands, or would go on with the one before without a word."""
    watched = WatchedCertificate("port", files)
    self_signed(files, make())
    assert f"a key of the kind {kind} cannot be used" in await refused(files, watched)


@pytest.mark.parametrize(
    "make",
    [
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: ec.generate_private_key(ec.SECP384R1()),
        lambda: rsa.generate_private_key(65537, 2048),
    ],
)
def test_kinds_that_it_can_use(files: CertificateFiles, make: Callable[[], Any]) -> None:
    """RSA, and what public authorities issue for EC."""
    self_signed(files, make())
    load(files)


@pytest.mark.parametrize("which", [0, 2])
async def test_what_is_cut_off_is_refused(files: CertificateFiles, which: int) -> None:
    """Also in a second certificate, wherever: the first alone could not be verified."""
    watched = WatchedCertificate("port", files)
    path, more = files.paths[which], Authority.new(datetime.now(UTC)).certificate
    whole = path.read_bytes()
    for length in (11, 30, 300, len(more) - 30, len(more) - 5):
        path.write_bytes(whole + more[:length])
        assert "cut off" in await refused(files, watched)
        path.write_bytes(whole)
        await watched.look()
    path.write_bytes(whole.rstrip() + more)
    assert "within a line" in await refused(files, watched)
    path.write_bytes(whole + more)
    await watched.look()
    assert path.read_bytes() in (watched.current.chain, watched.current.authorities)


def test_a_key_may_lie_beside_the_chain(files: CertificateFiles) -> None:
    """Some write both into one file, with text between them."""
    chain, key, _ = (path.read_bytes() for path in files.paths)
    for both in (b"chain\n" + chain + b"key\n" + key, key + chain):
        files.chain.write_bytes(both)
        load(files)
    files.chain.write_bytes(chain + key[:-30])
    with pytest.raises(CertificateError, match="cut off"):
        load(files)


async def test_names_that_nobody_reads_are_refused(files: CertificateFiles) -> None:
    """An x400Address, which is none of the names that the parser knows."""
    watched = WatchedCertificate("port", files)
    odd = x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, bytes.fromhex("3003a30100"))
    self_signed(files, ec.generate_private_key(ec.SECP256R1()), odd)
    assert "x400Address" in await refused(files, watched)


async def test_an_rsa_key_for_pss_alone_is_refused(files: CertificateFiles) -> None:
    """The parser takes it for any RSA key; gRPC does not know it."""
    watched = WatchedCertificate("port", files)
    self_signed(files, rsa.generate_private_key(65537, 2048))
    der = x509.load_pem_x509_certificate(files.chain.read_bytes()).public_bytes(Encoding.DER)
    # The kind of the key in it: rsaEncryption becomes RSASSA-PSS.
    kind = "2a864886f70d0101"
    pss = der.replace(bytes.fromhex(f"{kind}010500"), bytes.fromhex(f"{kind}0a3000"))
    files.chain.write_bytes(ssl.DER_cert_to_PEM_cert(pss).encode())
    assert "with parameters of its own" in await refused(files, watched)
