"""What `newstally up --secure` leaves in its data directory."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from newstally.certificates.authority import AUTHORITY_DAYS
from newstally.certificates.folder import AUTHORITIES, CERTIFICATE, KEY, SERVICES, Folder
from newstally.errors import InputError
from newstally.keys import list_keys
from newstally.up.secure import DAYS, RENEW_BELOW_DAYS, Secured


def modes(path: Path) -> set[int]:
    files = (each.stat() for each in path.rglob("*") if each.is_file())
    return {each.st_mode & 0o777 for each in files if each.st_size}


def test_all_is_made_once(tmp_path: Path) -> None:
    """An authority, a certificate for each service and the door, a key; secret, and then kept."""
    data = tmp_path / "data"
    secured = Secured(data)
    assert set(secured.prepare()) == {"ca", *SERVICES, "door", "key"}
    assert modes(data) == {0o600}
    folders = [data / "secure", *(data / "secure" / name for name in (*SERVICES, "door"))]
    assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
    before = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    assert Secured(data).prepare() == []
    assert {path: path.read_bytes() for path in data.rglob("*") if path.is_file()} == before


def test_the_key_is_one_that_the_gateway_knows(tmp_path: Path) -> None:
    """The file of keys has its digest only."""
    secured = Secured(tmp_path)
    secured.prepare()
    key_id, _, secret = secured.key.read_text().strip().partition(".")
    (known,) = list_keys(secured.keys)
    assert known.id == key_id
    assert known.scopes == {"read", "write", "admin"}
    assert secret not in secured.keys.read_text()


@pytest.mark.parametrize("was_open", [False, True])
def test_the_dashboard_may_only_read(tmp_path: Path, was_open: bool) -> None:
    """With a key of its own, of the owner whose uploads it shall show; made once."""
    if was_open:
        (tmp_path / "journal.db").touch()
    Secured(tmp_path).prepare()
    secured = Secured(tmp_path, dashboard=True)
    assert secured.prepare() == ["dashboard-key"]
    first, reading = list_keys(secured.keys)
    assert reading.scopes == {"read"}
    assert reading.owner == first.owner
    assert secured.dashboard_key.read_text().startswith(f"{reading.id}.")
    assert secured.prepare() == []
    assert secured.flags("dashboard") == [
        f"--ca={secured.folder.authority}",
        f"--key-file={secured.dashboard_key}",
    ]


@pytest.mark.parametrize(("was_open", "owner"), [(False, "local"), (True, "anonymous")])
def test_uploads_of_before_go_on(tmp_path: Path, was_open: bool, owner: str) -> None:
    """Data that was open belongs to nobody's key: the first one is for it."""
    if was_open:
        (tmp_path / "journal.db").touch()
    secured = Secured(tmp_path)
    secured.prepare()
    assert [key.owner for key in list_keys(secured.keys)] == [owner]


def test_what_ends_soon_is_renewed(tmp_path: Path) -> None:
    """At the next start; the authority, which clients know, stays."""
    secured = Secured(tmp_path)
    secured.prepare()
    authority = secured.folder.authority.read_bytes()
    chain, _, _ = secured.folder.certificate("persister")
    Folder(secured.folder.path).make((), datetime.now(UTC), RENEW_BELOW_DAYS - 1)
    short = chain.read_bytes()
    assert set(secured.prepare()) == {*SERVICES, "door"}
    assert chain.read_bytes() != short
    assert secured.folder.authority.read_bytes() == authority
    left = x509.load_pem_x509_certificate(chain.read_bytes()).not_valid_after_utc
    assert left > datetime.now(UTC) + timedelta(days=DAYS - 1)


async def test_it_renews_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at every day; a day on which it fails is no reason to stop."""
    monkeypatch.setattr("newstally.up.secure.LOOK_SECONDS", 0.01)
    secured = Secured(tmp_path)
    secured.prepare()
    Folder(secured.folder.path).make((), datetime.now(UTC), RENEW_BELOW_DAYS - 1)
    chain, _, _ = secured.folder.certificate("gateway")
    short = chain.read_bytes()
    hidden = secured.folder.authority.rename(tmp_path / "hidden")
    failures: asyncio.Queue[str] = asyncio.Queue()
    keeping = asyncio.create_task(secured.keep_renewed(failures.put_nowait))
    async with asyncio.timeout(60):
        for _ in range(2):
            assert "ca.pem is missing" in await failures.get()
    assert not keeping.done()
    assert chain.read_bytes() == short
    hidden.rename(secured.folder.authority)
    async with asyncio.timeout(60):
        while chain.read_bytes() == short:  # noqa: ASYNC110 - a file tells nobody
            await asyncio.sleep(0.01)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


@pytest.mark.parametrize("missing", [CERTIFICATE, KEY, AUTHORITIES])
def test_half_a_certificate_is_made_again(tmp_path: Path, missing: str) -> None:
    """Whatever is not there, of a start that was interrupted, say."""
    secured = Secured(tmp_path)
    secured.prepare()
    (secured.folder.path / "gateway" / missing).unlink()
    assert secured.prepare() == ["gateway"]
    assert all(path.exists() for path in secured.folder.certificate("gateway"))


def test_an_authority_in_its_last_year_is_in_nobodys_way(tmp_path: Path) -> None:
    """As long as there is nothing to issue; then it is told."""
    folder = Folder(tmp_path / "secure")
    begin = datetime.now(UTC)
    folder.make((), begin, DAYS)
    late = begin + timedelta(days=AUTHORITY_DAYS - DAYS)
    folder.make((), late - timedelta(days=1), DAYS)
    assert folder.make((), late + timedelta(days=30), DAYS, only_below=RENEW_BELOW_DAYS) == []
    with pytest.raises(InputError, match="before what it is to issue"):
        folder.make((), late + timedelta(days=DAYS), DAYS, only_below=RENEW_BELOW_DAYS)


@pytest.mark.parametrize("missing", ["ca.pem", "ca-key.pem"])
def test_half_an_authority_is_told(tmp_path: Path, missing: str) -> None:
    """Another one would lock out every client that knows the old one: a person decides."""
    secured = Secured(tmp_path)
    secured.prepare()
    (secured.folder.path / missing).unlink()
    with pytest.raises(InputError, match=missing):
        secured.prepare()


def test_an_authority_that_was_never_finished_is_made_again(tmp_path: Path) -> None:
    """Its key alone, by which nothing was issued: nobody knows that authority."""
    secured = Secured(tmp_path)
    secured.folder.path.mkdir()
    (secured.folder.path / "ca-key.pem").write_bytes(b"interrupted")
    assert set(secured.prepare()) == {"ca", *SERVICES, "door", "key"}


def test_each_service_is_told_its_own(tmp_path: Path) -> None:
    """Its certificate and key, and to the gateway also the door's and the keys."""
    secured = Secured(tmp_path)
    for kind in SERVICES:
        flags = secured.flags(kind)
        assert f"--mtls-key={secured.folder.path / kind / 'tls.key'}" in flags
        assert (f"--keys={secured.keys}" in flags) is (kind == "gateway")
