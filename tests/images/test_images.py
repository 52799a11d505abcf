"""What is in the images, and what is not."""

import json

import pytest
from images.docker import LABEL, docker, inspect
from manifests.naming import version
from manifests.objects import REPOSITORY

pytestmark = [pytest.mark.images, pytest.mark.timeout(600)]

DISTRIBUTIONS = ("gateway", "extractor", "persister", "client", "dashboard")
LIMITS = {
    "gateway": 200_000_000,
    "extractor": 600_000_000,
    "persister": 280_000_000,
    "client": 200_000_000,
    "dashboard": 230_000_000,
}
"""Bytes, unpacked, the base included. The persister brings numpy, the dashboard vendored files."""


def run(image: str, *command: str) -> str:
    """Run a command in a container as unprivileged as the services."""
    entrypoint, *arguments = command
    flags = ["--rm", "--label", LABEL, "--read-only", "--cap-drop", "ALL", "--network", "none"]
    return docker("run", *flags, "--entrypoint", entrypoint, image, *arguments)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_size_is_kept(distribution: str, image_names: dict[str, str]) -> None:
    """No image is larger than it may be."""
    size = inspect(image_names[distribution])["Size"]
    print(f"\n{image_names[distribution]}: {size / 1e6:.0f} MB")
    assert size < LIMITS[distribution]


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_image_says_what_it_is(distribution: str, image_names: dict[str, str]) -> None:
    """Version, revision, user, signal, health check and ports are in the image's configuration."""
    config = inspect(image_names[distribution])["Config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == version()
    assert labels["org.opencontainers.image.revision"] != ""
    assert labels["org.opencontainers.image.base.name"] != ""
    assert config["User"] == "10001:10001"
    if distribution == "client":
        assert config["StopSignal"] == "SIGINT"
        return
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert len(config["ExposedPorts"]) == 2


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_only_what_is_needed_is_installed(distribution: str, image_names: dict[str, str]) -> None:
    """Each distribution has its own dependencies in the versions of constraints.txt; no tools."""
    program = (
        "import json, importlib.metadata as m; "
        "print(json.dumps({d.metadata['Name'].lower().replace('_', '-'): d.version"
        " for d in m.distributions()}))"
    )
    installed = json.loads(run(image_names[distribution], "python", "-c", program))
    assert ("spacy" in installed) is (distribution == "extractor")
    assert ("google-cloud-firestore" in installed) <= (distribution == "persister")
    ours = {name for name in installed if name.startswith(("newstally", "en-newstally"))}
    own = {"client": "newstally"}.get(distribution, f"newstally-{distribution}")
    others = {"newstally", *(f"newstally-{each}" for each in DISTRIBUTIONS)}
    # The dashboard is a client, and made with its library.
    assert ours & others == {own, *({"newstally"} if distribution == "dashboard" else ())}
    assert not {"pip", "wheel", "pytest"} & installed.keys()
    assert ("setuptools" in installed) <= ("spacy" in installed), "spaCy declares that it needs it"
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pinned = dict(line.lower().split("==") for line in lines if "==" in line)
    for name, installed_version in installed.items():
        if name not in ours:
            assert pinned.get(name, pinned.get(name.replace("-", "_"))) == installed_version, name


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_nothing_that_builds_is_there(distribution: str, image_names: dict[str, str]) -> None:
    """Neither a compiler nor pip nor its cache; nothing is writable but /tmp (and /data)."""
    image = image_names[distribution]
    script = (
        "for tool in cc gcc g++ clang ld strip pip pip3; do "
        "command -v $tool && exit 1; done; "
        "ls -d /root/.cache /home/*/.cache 2>/dev/null && exit 1; "
        "find / -xdev -type d -writable ! -path '/proc*' ! -path '/dev*' 2>/dev/null; id -u"
    )
    found = run(image, "sh", "-c", script).split()
    assert found.pop() == "10001"
    assert set(found) <= {"/tmp", "/var/tmp", "/run/lock", "/data"}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_everything_is_compiled(distribution: str, image_names: dict[str, str]) -> None:
    """Each module has byte code that is loaded without a look at its source."""
    program = (
        "import importlib.util as u, pathlib\n"
        "root = pathlib.Path('/opt/newstally/lib')\n"
        "for p in root.rglob('*.py'):\n"
        "    c = pathlib.Path(u.cache_from_source(str(p)))\n"
        "    if not c.exists() or c.read_bytes()[4:8] != b'\\x01\\0\\0\\0': print(p)\n"
    )
    uncompiled = run(image_names[distribution], "python", "-c", program).split()
    # Templates of code, and samples in another language version: nothing that is ever imported.
    assert [path for path in uncompiled if "newstally" in path.split("site-packages")[-1]] == []
    assert len(uncompiled) <= 10, uncompiled


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_the_command_is_there(distribution: str, image_names: dict[str, str]) -> None:
    """`docker run image --help` lists the settings."""
    flags = ["--rm", "--label", LABEL, "--read-only", "--cap-drop", "ALL", "--network", "none"]
    assert "--help" in docker("run", *flags, image_names[distribution], "--help")


def test_the_services_share_their_base(image_names: dict[str, str]) -> None:
    """A node that has one of the images has the largest layer of the others."""
    layers = [tuple(inspect(name)["RootFS"]["Layers"][:1]) for name in image_names.values()]
    assert len(set(layers)) == 1
