"""tools/debian_packages.sh says what it cannot install, and never stops the gate."""

import subprocess
from pathlib import Path

import pytest
from support.processes import REPOSITORY

SCRIPT = REPOSITORY / "tools" / "debian_packages.sh"


def run(path: Path, *packages: str) -> str:
    """Run it where only these commands are; return what it says. It must succeed."""
    command = ["/bin/bash", str(SCRIPT), *packages]
    done = subprocess.run(
        command, env={"PATH": str(path)}, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def provide(path: Path, name: str, text: str) -> None:
    """Put a command there."""
    (path / name).write_text(f"#!/bin/bash\n{text}\n")
    (path / name).chmod(0o755)


def test_a_machine_without_apt_is_told_of(tmp_path: Path) -> None:
    """Each package by itself."""
    said = run(tmp_path, "prometheus", "chromium").splitlines()
    assert [line.partition(":")[0] for line in said] == ["prometheus", "chromium"]
    assert all("there is no apt-get" in line for line in said)


def test_what_is_installed_is_left_alone(tmp_path: Path) -> None:
    """Nothing is asked of apt then, which may take long, and need the network."""
    provide(tmp_path, "dpkg-query", "echo -n installed")
    provide(tmp_path, "apt-get", 'echo "$@" >> "$(dirname "$0")/asked"')
    assert run(tmp_path, "prometheus") == "prometheus: installed\n"
    assert not (tmp_path / "asked").exists()


@pytest.mark.parametrize("works", [True, False])
def test_one_that_cannot_be_had_does_not_keep_others_away(tmp_path: Path, works: bool) -> None:
    """Apt is asked for each by itself, as root."""
    provide(tmp_path, "apt-get", "exit 1" if not works else "exit 0")
    provide(tmp_path, "timeout", 'shift; exec "$@"')
    text = SCRIPT.read_text()
    here = tmp_path / "copy.sh"
    # As root, and without touching the machine's policy.
    here.write_text(text.replace("/usr/sbin/policy-rc.d", str(tmp_path)).replace("$EUID", "0"))
    done = subprocess.run(
        ["/bin/bash", str(here), "prometheus", "chromium"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    said = done.stdout.splitlines()
    wanted = "installed" if works else "not installed"
    assert [line.split(": ")[1].partition(",")[0] for line in said] == [wanted] * 2
