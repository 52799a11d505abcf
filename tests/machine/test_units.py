"""The units for systemd, with its own tools where they are installed."""

import shutil
from pathlib import Path

import pytest
from machine.units import (
    FOLDER,
    SECURE,
    SHARED,
    analyze,
    installed,
    problems,
    read,
    sections,
)
from manifests.settings import KINDS, settings_of

SERVICES = (
    "newstally-persister.service",
    "newstally-gateway.service",
    "newstally-extractor@01.service",
)
EXPOSURE = "15"
"""Tenths; systemd calls what is below 20 safe."""

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def damaged(folder: Path, file: str | Path, right: str, wrong: str) -> Path:
    """Return a copy of the units in which one line is wrong."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    path = folder / file
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    return folder


def test_units_and_programs_fit() -> None:
    """Settings, ports, memory, times and restarts."""
    assert list(problems()) == []


@pytest.mark.parametrize("name", sorted(path.name for path in SECURE.iterdir()))
def test_a_unit_is_given_the_certificates_that_it_reads(name: str) -> None:
    """Each file that a setting names is a credential, of its own certificate; all is secured."""
    unit = next(each for each in read().values() if each.name == name.removesuffix(".d"))
    service = sections((SECURE / name / "secure.conf").read_text())["Service"]
    given = dict(each.split(":") for each in service["LoadCredential"])
    environment = dict(each.split("=", 1) for each in service["Environment"])
    assert {value.removeprefix("%d/") for value in environment.values()} == given.keys()
    own = unit.program.partition("-")[2]
    for credential, source in given.items():
        folder = "door" if credential.startswith("door") else own
        file = f"tls.{credential.rpartition('.')[2]}" if folder == "door" else credential
        wanted = f"/etc/newstally/certificates/{folder}/{file}"
        assert source == ("/etc/newstally/keys.json" if credential == "keys.json" else wanted)
    settings = settings_of(KINDS[unit.program], {**unit.environment(), **environment})
    assert not settings.speaks_plain
    assert settings.mtls is not None


@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("newstally-gateway.service", "GATEWAY_PERSISTER=", "GATEWAY_JOURNAL="),
        ("newstally-gateway.service", "127.0.0.1:50101", "127.0.0.1:50052"),
        ("newstally-gateway.service", "127.0.0.1:50053", "127.0.0.1:50054"),
        ("newstally-gateway.service", "MemoryMax=1G", "MemoryMax=512M"),
        ("newstally-gateway.service", "CONTENT_BYTES=400000", "CONTENT_BYTES=500000"),
        ("newstally-gateway.service", "WantedBy=newstally.target", "WantedBy=other.target"),
        ("newstally-extractor@.service", "MemoryMax=2G", "MemoryMax=1G"),
        ("newstally-extractor@.service", "PORT=501%i", "PORT=50101"),
        ("newstally-extractor@.service", "EXTRACTOR_PORT=501", "EXTRACTOR_PORT=901"),
        ("newstally-persister.service", "DATA_DIR=%S/newstally/", "DATA_DIR=/srv/"),
        ("newstally-persister.service", "User=newstally", "DynamicUser=yes"),
        ("newstally-persister.service", "persister.env", "gateway.env"),
        ("newstally-persister.service", "newstally-persister\n", "newstally-journal\n"),
        (SHARED, "TimeoutStopSec=30", "TimeoutStopSec=10"),
        (SHARED, "Restart=always", "Restart=no"),
        (SHARED, "RestartPreventExitStatus=2", "RestartPreventExitStatus=1"),
    ],
)
def test_a_broken_copy_is_noticed(file: str | Path, right: str, wrong: str, tmp_path: Path) -> None:
    """Each of these would not work."""
    assert list(problems(damaged(tmp_path / "units", file, right, wrong))) != []


@needs_systemd
@pytest.mark.parametrize("unit", [*SERVICES, "newstally.target"])
def test_systemd_has_no_complaint(unit: str, tmp_path: Path) -> None:
    """`systemd-analyze verify` knows every setting and finds every program."""
    folder = installed(tmp_path / "units")
    done = analyze(folder, "verify", "--man=no", str(folder / unit))
    assert (done.returncode, done.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize(
    ("file", "right", "wrong"),
    [
        ("newstally-gateway.service", "DynamicUser=yes", "DynamicUsers=yes"),
        ("newstally-gateway.service", "ExecStart=/", "ExecStart=/nowhere/"),
        (SHARED, "ProtectSystem=strict", "ProtectSystem=strictly"),
    ],
)
def test_systemd_would_complain(file: str | Path, right: str, wrong: str, tmp_path: Path) -> None:
    """Of a setting that it does not know, also in what all units share, or of a wrong value."""
    folder = installed(tmp_path / "units")
    path = folder / file
    path.write_text(path.read_text().replace(right, wrong))
    done = analyze(folder, "verify", "--man=no", str(folder / "newstally-gateway.service"))
    assert done.stderr != ""


@needs_systemd
@pytest.mark.parametrize("unit", SERVICES)
def test_they_may_do_little(unit: str, tmp_path: Path) -> None:
    """`systemd-analyze security` finds them safe; without what they share it does not."""
    folder = installed(tmp_path / "units")
    asked = ("security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}")
    done = analyze(folder, *asked, str(folder / unit))
    assert done.returncode == 0, done.stdout
    (folder / SHARED).unlink()
    assert analyze(folder, *asked, str(folder / unit)).returncode != 0
