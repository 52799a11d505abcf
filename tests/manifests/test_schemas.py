"""Style and schemas, with the tools that everybody uses for that."""

import re
import subprocess
import sys
from importlib.resources import files as package_files
from pathlib import Path

import pytest
from manifests.objects import EXAMPLES, FOLDER, REPOSITORY, files

FOREIGN = {
    EXAMPLES / f"{name}.yaml" for name in ("alerts", "cert-manager", "gateway-api", "monitoring")
}
"""Of kinds that others bring into a cluster; see test_foreign.py and tests/monitoring."""
ALL = [path for path in (*files(), *files(EXAMPLES)) if path not in FOREIGN]


def newest_minors(number: int = 2) -> list[str]:
    """Return the newest minor versions that the validator has schemas of."""
    schemas = package_files("kubernetes_validate") / "kubernetes-json-schema"
    names = (
        re.fullmatch(r"v(1)\.(\d+)\.\d+-local-strict", each.name) for each in schemas.iterdir()
    )
    minors = sorted({(int(match[1]), int(match[2])) for match in names if match})
    return [f"{major}.{minor}" for major, minor in minors[-number:]]


def validate(version: str, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Run kubernetes-validate, with unknown fields as errors."""
    # Its warnings are about its own imports, not about manifests.
    command = [sys.executable, "-W", "ignore", "-m", "kubernetes_validate", "--strict"]
    return _run(*command, "--kubernetes-version", version, *map(str, paths))


def lint(*paths: Path) -> subprocess.CompletedProcess[str]:
    """Run yamllint with the repository's rules, warnings as errors."""
    rules = str(REPOSITORY / ".yamllint")
    return _run(
        *(sys.executable, "-m", "yamllint", "--strict", "--config-file", rules), *map(str, paths)
    )


@pytest.mark.parametrize("version", newest_minors())
def test_every_file_has_only_what_the_api_knows(version: str) -> None:
    """Each object passes the strict schemas of the two newest supported minors."""
    done = validate(version, *ALL)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr.count("passed") + done.stdout.count("passed") >= len(ALL)


@pytest.mark.parametrize("version", newest_minors())
@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("terminationGracePeriodSeconds: 30", "terminationGraceSeconds: 30"),
        ("averageUtilization: 75", "averageUtilization: many"),
    ],
)
def test_what_the_api_does_not_know_is_noticed(
    version: str, right: str, wrong: str, tmp_path: Path
) -> None:
    """A copy with an unknown field, or a value of a wrong type, fails."""
    text = (FOLDER / "40-extractor.yaml").read_text()
    assert right in text
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(right, wrong))
    assert validate(version, broken).returncode != 0


def test_the_style_is_kept(tmp_path: Path) -> None:
    """Yamllint has no complaint, and has one about a copy with a duplicate key."""
    done = lint(FOLDER)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "broken.yaml"
    broken.write_text((FOLDER / "00-namespace.yaml").read_text() + "kind: Namespace\n")
    assert lint(broken).returncode != 0


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)
