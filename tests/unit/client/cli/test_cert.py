"""`newstally cert`: an authority of one's own."""

import sys
from pathlib import Path

import pytest
from cryptography import x509
from newstally.certificates.folder import DOOR, SERVICES

from .conftest import Run


def names(chain: Path) -> set[str]:
    certificate = x509.load_pem_x509_certificate(chain.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {*found.get_values_for_type(x509.DNSName)} | {
        str(each) for each in found.get_values_for_type(x509.IPAddress)
    }


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_each_service_gets_its_name_and_the_door_its_own(run: Run, tmp_path: Path) -> None:
    """As Secrets have them, for the owner's eyes only; stdout lists the folders."""
    folder = tmp_path / "certificates"
    result = await run("cert", folder, "--name", "news.example", "--name", "192.0.2.7")
    assert result.exit_code == 0
    assert result.stdout.split() == [str(folder / name) for name in (*SERVICES, DOOR)]
    for service, name in SERVICES.items():
        assert names(folder / service / "tls.crt") == {name}
    assert {"news.example", "192.0.2.7", "localhost"} <= names(folder / DOOR / "tls.crt")
    assert {path.stat().st_mode & 0o777 for path in files(folder)} == {0o600}
    names_there = {path.name for path in files(folder / DOOR)}
    assert names_there == {"tls.crt", "tls.key", "ca.crt"}


async def test_again_it_renews_all_but_the_authority(run: Run, tmp_path: Path) -> None:
    """So that clients need not be told."""
    await run("cert", tmp_path)
    before = files(tmp_path)
    assert (await run("cert", tmp_path)).exit_code == 0
    same = {path.name for path, content in before.items() if path.read_bytes() == content}
    assert same == {"ca.pem", "ca-key.pem", "ca.crt"}


async def test_the_authority_must_outlive_what_it_issues(run: Run, tmp_path: Path) -> None:
    """Told with what to do, exit code 2; nothing is made."""
    await run("cert", tmp_path)
    chain = tmp_path / DOOR / "tls.crt"
    before = chain.read_bytes()
    result = await run("cert", tmp_path, "--days", "5000")
    assert result.exit_code == 2
    assert "before what it is to issue" in result.stderr
    assert chain.read_bytes() == before


@pytest.mark.parametrize("name", ["", "bad name", "n\u00e9", "x" * 64, "-x", "a." * 127 + "a"])
async def test_what_is_no_name_is_told(run: Run, tmp_path: Path, name: str) -> None:
    """Exit code 2, and no certificate with half a name."""
    result = await run("cert", tmp_path, "--name", name)
    assert result.exit_code == 2
    assert not (tmp_path / DOOR / "tls.crt").exists()


async def test_without_the_library_it_says_what_is_missing(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the command line does without it."""
    monkeypatch.setitem(sys.modules, "cryptography", None)
    result = await run("cert", tmp_path)
    assert result.exit_code == 2
    assert "pip install cryptography" in result.stderr
