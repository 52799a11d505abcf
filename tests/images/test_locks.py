"""What the images install comes with hashes: complete, current, and nothing else."""

import re
import tomllib
from importlib.metadata import requires

import pytest
from manifests.objects import REPOSITORY
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

LOCKS = REPOSITORY / "images" / "locks"
IMAGES = {path.parent.name: path.read_text() for path in sorted(REPOSITORY.glob("*/Dockerfile"))}
"""Dockerfiles by distribution."""
INSTALL = (REPOSITORY / "images" / "install.sh").read_text()
# Whatever interpreter runs the tests.
IMAGE: dict[str, str] = {
    **{key: str(value) for key, value in default_environment().items()},
    "python_version": "3.11",
    "python_full_version": "3.11.9",
    "extra": "",
}


def pins(name: str) -> dict[str, list[str]]:
    """The hashes of a lock by `name==version`."""
    entries = re.split(r"^(?=\S+==)", (LOCKS / f"{name}.txt").read_text(), flags=re.MULTILINE)[1:]
    return {entry.split()[0]: entry.split()[1:] for entry in entries}


def constraints() -> dict[str, str]:
    """Versions by name."""
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


def installed(dockerfile: str) -> list[str]:
    """The distributions of this repository that an image installs, after its lock."""
    (line,) = re.findall(r"^RUN \./install\.sh (.*)$", dockerfile, flags=re.MULTILINE)
    return str(line).split()


@pytest.mark.parametrize("name", [*IMAGES, "building"])
def test_every_entry_has_hashes(name: str) -> None:
    """SHA-256, at least one, of the version that constraints.txt names."""
    found = pins(name)
    assert found
    for pinned, words in found.items():
        project, _, version = pinned.partition("==")
        assert version == constraints()[project], f"{pinned}: say `make locks`"
        hashes = [word for word in words if word != "\\"]
        assert hashes
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes)


@pytest.mark.parametrize("image", IMAGES)
def test_a_lock_is_what_the_image_needs(image: str) -> None:
    """All that its distributions need, directly or not, traces included, and nothing else."""
    lock, *distributions = installed(IMAGES[image])
    assert lock == image
    projects = [
        tomllib.loads((REPOSITORY / each / "pyproject.toml").read_text())["project"]
        for each in distributions
    ]
    own = {canonicalize_name(each["name"]) for each in projects}
    waiting = {
        name
        for each in projects
        for text in (
            *each["dependencies"],
            *each.get("optional-dependencies", {}).get("traces", ()),
        )
        if (name := canonicalize_name(Requirement(text).name)) not in own
    }
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        needed.add(name)
        for text in requires(name) or ():
            requirement = Requirement(text)
            other = canonicalize_name(requirement.name)
            applies = requirement.marker is None or requirement.marker.evaluate(IMAGE)
            if applies and other not in needed:
                waiting.add(other)
    assert {pinned.partition("==")[0] for pinned in pins(image)} == needed


def test_nothing_is_installed_without_its_hash() -> None:
    """Each call of pip checks hashes, or takes only files that were built here."""
    joined = INSTALL.replace("\\\n", " ")
    calls = [line for line in joined.splitlines() if re.search(r"^pip .*\binstall\b", line)]
    assert len(calls) == 3
    for call in calls:
        assert ("--require-hashes" in call) != ("--no-index /wheels/" in call), call
    assert "pip wheel --quiet --no-deps --no-build-isolation" in joined


@pytest.mark.parametrize("image", IMAGES)
def test_the_base_can_be_named_by_its_digest(image: str) -> None:
    """One argument names all that an image is made of."""
    text = IMAGES[image]
    assert text.count("FROM ${PYTHON_IMAGE} AS") == 1
    bases = re.findall(r"^FROM (\S+)", text, flags=re.MULTILINE)
    stages = re.findall(r" AS (\S+)$", text, flags=re.MULTILINE)
    assert set(bases) - set(stages) == {"${PYTHON_IMAGE}", "scratch"}
