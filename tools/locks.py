"""`make locks`: writes what each image installs, with the hashes of the files it may come from.

From the index that pip is set to (PIP_INDEX_URL), for the versions of constraints.txt, Python 3.11
and both kinds of processors. A mirror serves the same files, so the hashes are the same.
"""

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "images" / "locks"
PYTHON = "3.11"
GLIBC = (36, 41)
"""Minor versions, of Debian 12 and 13: they decide which of a package's files pip takes."""
PLATFORMS = [
    [
        *(f"manylinux_2_{minor}_{machine}" for minor in range(newest, 4, -1)),
        *(f"{old}_{machine}" for old in ("manylinux2014", "manylinux2010", "manylinux1")),
    ]
    for machine in ("x86_64", "aarch64")
    for newest in GLIBC
]
IMAGES = {
    "gateway": ("protos", "runtime", "gateway"),
    "extractor": ("protos", "runtime", "models", "extractor"),
    "persister": ("protos", "runtime", "persister"),
    "client": ("protos", "client"),
    "dashboard": ("protos", "runtime", "client", "dashboard"),
}
"""By distribution: those of this repository that are installed together."""
EXTRA = "traces"
"""Images have what this extra needs: a container is told by its environment to use it."""
BUILDING = ("setuptools", "wheel")
"""What builds them."""
HEADING = (
    "# Made by `make locks`: what is installed, and hashes of the files that it may come from.\n"
)


def project(name: str) -> dict[str, object]:
    """Return what a distribution of this repository says about itself."""
    found: dict[str, object] = tomllib.loads((ROOT / name / "pyproject.toml").read_text())[
        "project"
    ]
    return found


def wanted(distributions: Iterable[str]) -> list[str]:
    """Return what these distributions need that is not of this repository."""
    projects = [project(name) for name in distributions]
    own = {canonicalize_name(str(each["name"])) for each in projects}
    needed: set[str] = set()
    for each in projects:
        extras = each.get("optional-dependencies", {})
        dependencies = each.get("dependencies", [])
        assert isinstance(extras, dict)
        assert isinstance(dependencies, list)
        needed.update(dependencies)
        needed.update(extras.get(EXTRA, []))
    return sorted(each for each in needed if canonicalize_name(Requirement(each).name) not in own)


def resolve(requirements: Iterable[str], platforms: list[str]) -> dict[str, set[str]]:
    """Return the hashes of what pip would install, by `name==version`."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.json")
        command = [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"),
            *("--report", str(report), "--target", str(Path(scratch, "nothing"))),
            *("--only-binary", ":all:", "--python-version", PYTHON, "--implementation", "cp"),
            *(word for platform in platforms for word in ("--platform", platform)),
            *("--constraint", str(ROOT / "constraints.txt")),
            *requirements,
        ]
        # Only the index: what lies about on this machine may be built here, with other hashes.
        environment = {
            **{k: v for k, v in os.environ.items() if k not in _ELSEWHERE},
            "PIP_CONFIG_FILE": os.devnull,
        }
        subprocess.run(command, check=True, env=environment)
        installed = json.loads(report.read_text())["install"]
    found: dict[str, set[str]] = {}
    for each in installed:
        name = canonicalize_name(each["metadata"]["name"])
        pinned = f"{name}=={each['metadata']['version']}"
        found.setdefault(pinned, set()).add(
            each["download_info"]["archive_info"]["hashes"]["sha256"]
        )
    return found


_ELSEWHERE = {"PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL"}


def lock(requirements: Iterable[str]) -> str:
    """Return the text of a file for `pip install --require-hashes`."""
    needed = list(requirements)
    hashes: dict[str, set[str]] = {}
    for platforms in PLATFORMS:
        for pinned, found in resolve(needed, platforms).items():
            hashes.setdefault(pinned, set()).update(found)
    lines = [
        " \\\n    ".join([pinned, *(f"--hash=sha256:{each}" for each in sorted(found))])
        for pinned, found in sorted(hashes.items())
    ]
    return HEADING + "\n".join(lines) + "\n"


def main() -> None:
    """Write all of them."""
    FOLDER.mkdir(exist_ok=True)
    for name, distributions in IMAGES.items():
        (FOLDER / f"{name}.txt").write_text(lock(wanted(distributions)))
    (FOLDER / "building.txt").write_text(lock(BUILDING))


if __name__ == "__main__":
    main()
