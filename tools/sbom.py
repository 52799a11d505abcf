"""`make sbom`: writes what is in each image, for scanners: CycloneDX, as JSON, in sbom/.

    python tools/sbom.py IMAGE...          images that Docker has, by their names

What is listed is read from the image itself: the packages of Debian, the interpreter, and the
distributions of Python with the hashes of the files that they may have been installed from.
"""

import argparse
import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "images" / "locks"
DOCKER = os.environ.get("DOCKER", "docker")
_LOOK = """
import importlib.metadata as m, json, pathlib, platform
print(json.dumps({
    "python": platform.python_version(),
    "distributions": {d.metadata["Name"]: d.version for d in m.distributions()},
    "debian": pathlib.Path("/var/lib/dpkg/status").read_text(),
    "system": platform.freedesktop_os_release().get("VERSION_CODENAME", ""),
}))
"""
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Contents:
    """What an image says that it holds."""

    python: str
    distributions: Mapping[str, str]
    """Versions by name."""
    debian: str
    """Of dpkg's database: its status file."""
    system: str
    """Debian's code name."""


def look(image: str) -> Contents:
    """Ask the image, as unprivileged as it runs. Raises CalledProcessError."""
    command = [
        *(DOCKER, "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL"),
        *("--entrypoint", "python", image, "-c", _LOOK),
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Contents(**json.loads(done.stdout))


def hashes(lock: str) -> dict[str, list[str]]:
    """Return the hashes of a lock's text by `name==version`."""
    entries = re.split(r"^(?=\S+==)", lock, flags=re.MULTILINE)[1:]
    return {entry.split()[0]: _HASH.findall(entry) for entry in entries}


def make_bom(name: str, version: str, contents: Contents, locked: Mapping[str, list[str]]) -> Bom:
    """Return the bill of materials of an image."""
    bom = Bom()
    image = Component(name=name, version=version, type=ComponentType.CONTAINER)
    bom.metadata.component = image
    for distribution, its_version in contents.distributions.items():
        canonical = re.sub(r"[-_.]+", "-", distribution).lower()
        files = locked.get(f"{canonical}=={its_version}", [])
        bom.components.add(_distribution(canonical, its_version, files))
    bom.components.add(
        Component(
            name="python",
            version=contents.python,
            type=ComponentType.PLATFORM,
            purl=PackageURL("generic", None, "python", contents.python),
        )
    )
    for package, its_version, architecture in packages(contents.debian):
        qualifiers = {"arch": architecture, "distro": contents.system}
        bom.components.add(
            Component(
                name=package,
                version=its_version,
                type=ComponentType.LIBRARY,
                purl=PackageURL("deb", "debian", package, its_version, qualifiers),
            )
        )
    bom.register_dependency(image, bom.components)
    return bom


def packages(status: str) -> Iterable[tuple[str, str, str]]:
    """Give name, version and architecture of each package that is installed."""
    for entry in status.split("\n\n"):
        fields = dict(re.findall(r"^(\S+): (.*)$", entry, flags=re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            yield fields["Package"], fields["Version"], fields["Architecture"]


def as_json(bom: Bom) -> str:
    """Return it as JSON. Raises ValueError when the schema does not take it."""
    text: str = JsonV1Dot6(bom).output_as_string(indent=2)
    error: Any = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if error is not None:
        raise ValueError(str(error).partition("\n")[0])
    return text


def _distribution(name: str, version: str, files: list[str]) -> Component:
    references = [
        ExternalReference(
            type=ExternalReferenceType.DISTRIBUTION,
            url=XsUri(f"https://pypi.org/project/{name}/{version}/"),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=each) for each in files],
        )
    ]
    return Component(
        name=name,
        version=version,
        type=ComponentType.LIBRARY,
        purl=PackageURL("pypi", None, name, version),
        external_references=references if files else [],
    )


def main() -> None:
    """Write one file for each image."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--out", type=Path, default=ROOT / "sbom", help="where to (sbom/)")
    options = parser.parse_args()
    options.out.mkdir(exist_ok=True)
    for image in options.images:
        name, _, version = image.rpartition("/")[2].partition(":")
        kind = name.partition("newstally-")[2] or "client"
        locked = hashes((LOCKS / f"{kind}.txt").read_text())
        path = options.out / f"{name}.cdx.json"
        path.write_text(as_json(make_bom(name, version, look(image), locked)))
        print(path)


if __name__ == "__main__":
    main()
