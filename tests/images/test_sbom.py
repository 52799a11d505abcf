"""The bill of materials of an image lists what is in it."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from images.docker import docker
from manifests.objects import REPOSITORY
from sbom import LOCKS, Contents, as_json, hashes, look, make_bom

DEBIAN = """\
Package: libssl3
Status: install ok installed
Architecture: amd64
Version: 3.0.19-1~deb12u2
Description: Secure Sockets Layer toolkit
 more: of it

Package: gone
Status: deinstall ok config-files
Architecture: amd64
Version: 1
"""
CONTENTS = Contents(
    python="3.11.9",
    distributions={"typing_extensions": "4.16.0", "newstally-gateway": "1.2.3"},
    debian=DEBIAN,
    system="bookworm",
)
FILE = "a" * 64


def test_everything_is_listed_once() -> None:
    """Debian's packages that are installed, the interpreter, distributions with their hashes."""
    made = as_json(
        make_bom("newstally-gateway", "1.2.3", CONTENTS, {"typing-extensions==4.16.0": [FILE]})
    )
    bom = json.loads(made)
    assert bom["metadata"]["component"]["name"] == "newstally-gateway"
    components = {each["purl"]: each for each in bom["components"]}
    assert set(components) == {
        "pkg:deb/debian/libssl3@3.0.19-1~deb12u2?arch=amd64&distro=bookworm",
        "pkg:generic/python@3.11.9",
        "pkg:pypi/typing-extensions@4.16.0",
        "pkg:pypi/newstally-gateway@1.2.3",
    }
    (reference,) = components["pkg:pypi/typing-extensions@4.16.0"]["externalReferences"]
    assert reference["hashes"] == [{"alg": "SHA-256", "content": FILE}]
    assert "externalReferences" not in components["pkg:pypi/newstally-gateway@1.2.3"]


def test_hashes_are_read_from_the_locks() -> None:
    """All of each entry."""
    for path in LOCKS.glob("*.txt"):
        text = path.read_text()
        found = hashes(text)
        assert sum(map(len, found.values())) == text.count("--hash=sha256:")
        assert all(re.fullmatch(r"\S+==\S+", pinned) for pinned in found)


def test_a_file_is_written_for_each_image(tmp_path: Path) -> None:
    """Whatever registry the image is named for; by the lock of its own distribution."""
    fake, out = tmp_path / "docker", tmp_path / "sbom"
    described = {**asdict(CONTENTS), "distributions": {"grpcio": constraint("grpcio")}}
    fake.write_text(f"#!/bin/sh\ncat <<'END'\n{json.dumps(described)}\nEND\n")
    fake.chmod(0o755)
    images = ["registry.example:5000/news/newstally-gateway:1.2.3", "newstally:1.2.3"]
    program = [sys.executable, str(REPOSITORY / "tools" / "sbom.py"), "--out", str(out)]
    subprocess.run(
        [*program, *images], env={**os.environ, "DOCKER": str(fake)}, check=True, timeout=60
    )
    for path, name in (("newstally-gateway", "newstally-gateway"), ("newstally", "newstally")):
        bom = json.loads((out / f"{path}.cdx.json").read_text())
        described_as = bom["metadata"]["component"]
        assert (described_as["name"], described_as["version"]) == (name, "1.2.3")
        (grpcio,) = [each for each in bom["components"] if each["name"] == "grpcio"]
        assert grpcio["externalReferences"]


def constraint(name: str) -> str:
    """The version that constraints.txt names."""
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    return next(line.partition("==")[2] for line in lines if line.startswith(f"{name}=="))


@pytest.mark.images
@pytest.mark.timeout(600)
def test_the_images_have_theirs(image_names: dict[str, str], tmp_path: Path) -> None:
    """Every distribution and package of each image, those from outside with hashes."""
    for kind, image in image_names.items():
        contents = look(image)
        locked = hashes((LOCKS / f"{kind}.txt").read_text())
        components = json.loads(as_json(make_bom(kind, "1", contents, locked)))["components"]
        assert len(components) == len({each["bom-ref"] for each in components})
        names = {each["name"] for each in components}
        assert {"python", "libc6", "grpcio", "newstally-protos"} <= names
        without = {
            each["name"]
            for each in components
            if each["purl"].startswith("pkg:pypi/") and "externalReferences" not in each
        }
        assert all(name.startswith(("newstally", "en-newstally")) for name in without)
        listed = docker("run", "--rm", "--entrypoint", "sh", image, "-c", "ls /var/lib/dpkg/info")
        infos = {line.partition(".")[0].partition(":")[0] for line in listed.splitlines()}
        assert {"libc6", "base-files"} <= infos & names
