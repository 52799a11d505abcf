"""Writes a version wherever it stands: in every distribution and at the head of the changelog.

`make release` turns the tree of 0.2.0.dev0 into that of 0.2.0; `make next NEXT=0.3.0` opens the
development of 0.3.0. Both only edit files; CONTRIBUTING.md says what to run around them.

The default pipeline `models/` has a version of its own, which changes when its weights do.
"""

import argparse
import datetime as dt
import re
import sys
from pathlib import Path

DEVELOPMENT = ".dev0"
"""Ends the version of a tree that is no release: PEP 440 sorts it before the release itself."""
_VERSION = re.compile(r'^version = "(.*)"$', re.MULTILINE)
_RELEASE = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_FIRST_SECTION = re.compile(r"^## (\S+)(?: \((.*)\))?$", re.MULTILINE)


class ReleaseError(Exception):
    """The tree is not in the state that the step needs: one line that says what to do."""


def projects(root: Path) -> list[Path]:
    """Return the distributions that share one version."""
    return [each for each in sorted(root.glob("*/pyproject.toml")) if each.parent.name != "models"]


def version(root: Path) -> str:
    """Return the tree's version. Raises ReleaseError when the distributions differ."""
    found = {project: _VERSION.findall(project.read_text()) for project in projects(root)}
    versions = {str(one) for each in found.values() for one in each}
    if len(versions) != 1 or any(len(each) != 1 for each in found.values()):
        raise ReleaseError(f"the distributions do not share one version: {sorted(versions)}")
    return versions.pop()


def release(root: Path, day: str) -> str:
    """Make the tree in development the release of `day` (YYYY-MM-DD); return its version."""
    current = version(root)
    if not current.endswith(DEVELOPMENT):
        raise ReleaseError(f"{current} is a release already: open the next one first (make next)")
    new = current.removesuffix(DEVELOPMENT)
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text()
    head = _FIRST_SECTION.search(text)
    if head is None or head.groups() != (new, "unreleased"):
        raise ReleaseError(f"CHANGELOG.md does not begin with '## {new} (unreleased)'")
    if not text[head.end() :].split("\n## ")[0].strip():
        raise ReleaseError(f"CHANGELOG.md says nothing about {new}")
    changelog.write_text(f"{text[: head.start()]}## {new} ({day}){text[head.end() :]}")
    _write(root, current, new)
    return new


def open_next(root: Path, following: str) -> str:
    """Open the development of release `following`; return the tree's new version."""
    current = version(root)
    if current.endswith(DEVELOPMENT):
        raise ReleaseError(f"{current} is in development: release it first (make release)")
    if not _RELEASE.fullmatch(following) or _numbers(following) <= _numbers(current):
        raise ReleaseError(f"{following!r} is no version X.Y.Z above {current}")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text()
    head = _FIRST_SECTION.search(text)
    if head is None:
        raise ReleaseError("CHANGELOG.md has no section")
    begin = head.start()
    changelog.write_text(f"{text[:begin]}## {following} (unreleased)\n\n{text[begin:]}")
    _write(root, current, following + DEVELOPMENT)
    return following + DEVELOPMENT


def _write(root: Path, old: str, new: str) -> None:
    for project in projects(root):
        text = project.read_text()
        project.write_text(text.replace(f'version = "{old}"\n', f'version = "{new}"\n', 1))


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(".")]


def main() -> int:
    """Parse the command line; edit the tree this file is in."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    steps = parser.add_subparsers(dest="step", required=True)
    steps.add_parser("release", help="from X.Y.Z.dev0 to X.Y.Z, dated today (UTC)")
    steps.add_parser("next", help="open the development of another release").add_argument("version")
    options = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    try:
        if options.step == "release":
            print(release(root, dt.datetime.now(dt.UTC).date().isoformat()))
        else:
            print(open_next(root, options.version))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
