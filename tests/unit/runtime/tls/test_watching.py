"""A renewed certificate is taken; one that cannot be used changes nothing."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from newstally.certificates.authority import Authority, Issued
from newstally_runtime.tls.certificate import CertificateError, CertificateFiles, load
from newstally_runtime.tls.watching import WatchedCertificate
from structlog.testing import capture_logs
from support.certificates import expired, valid

AUTHORITY = Authority.new(datetime.now(UTC))
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
