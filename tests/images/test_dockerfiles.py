"""The Dockerfiles themselves; no daemon is needed for these."""

import subprocess
from pathlib import Path
from sysconfig import get_path

import pytest
from manifests.objects import REPOSITORY

DOCKERFILES = sorted(REPOSITORY.glob("*/Dockerfile"))
HADOLINT = Path(get_path("scripts"), "hadolint")


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    """Run hadolint."""
    return subprocess.run([HADOLINT, str(path)], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_has_no_complaint(path: Path) -> None:
    """Each Dockerfile passes; what is allowed nevertheless says why beside it."""
    done = lint(path)
    assert done.returncode == 0, done.stdout


def test_hadolint_would_complain(tmp_path: Path) -> None:
    """A copy that runs as root through a shell does not pass."""
    text = DOCKERFILES[0].read_text()
    broken = tmp_path / "Dockerfile"
    broken.write_text(text.replace('ENTRYPOINT ["', 'ENTRYPOINT sh -c "').replace('"]\n', '"\n'))
    assert lint(broken).returncode != 0


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_they_begin_alike(path: Path) -> None:
    """The stages below the service's own are the same, so that their layers are shared."""
    begins = [
        each.read_text().partition("\n")[2].partition("FROM tools AS build")[0]
        for each in (path, DOCKERFILES[0])
    ]
    assert begins[0] == begins[1]
    assert begins[0].startswith("ARG PYTHON_IMAGE=python:3.11-slim\n")
