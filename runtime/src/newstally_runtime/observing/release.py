"""Which release a process runs, and of which commit it was made."""

import os
import re
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

VARIABLE = "NEWSTALLY_REVISION"
"""Names the commit; images set it. In a source tree it is read from the tree."""
REVISION_DIGITS = 12
_HASH = re.compile(r"[0-9a-f]{12,64}")


@dataclass(frozen=True, slots=True)
class Release:
    """What tells one build of a service from another."""

    version: str
    """As in its metadata, for example "0.3.0"."""
    revision: str
    """The commit, 12 hexadecimal digits; empty where it is not known."""

    def __str__(self) -> str:
        return f"{self.version}+{self.revision}" if self.revision else self.version


def find_release(service: str) -> Release:
    """Return the release of a service that is installed here."""
    try:
        found = version(f"newstally-{service}")
    except PackageNotFoundError:  # run from a source tree
        found = "unreleased"
    revision = os.environ.get(VARIABLE)
    if revision is None:
        revision = revision_of(Path(__file__))
    return Release(found, revision[:REVISION_DIGITS] if _HASH.fullmatch(revision) else "")


def revision_of(file: Path) -> str:
    """Return the commit that is checked out where a file is; empty: in no git tree, or unreadable.

    It is read, not asked of git: a service starts no other program.
    """
    try:
        for folder in file.resolve().parents:
            if (folder / ".git").exists():
                return _head(_git_directory(folder / ".git"))
    except OSError:
        pass
    return ""


def _git_directory(found: Path) -> Path:
    if found.is_dir():
        return found
    # A worktree: a file that says where.
    return (found.parent / found.read_text().removeprefix("gitdir:").strip()).resolve()


def _head(git: Path) -> str:
    head = (git / "HEAD").read_text().strip()
    if not head.startswith("ref:"):
        return head
    name = head.removeprefix("ref:").strip()
    common = git / "commondir"
    shared = (git / common.read_text().strip()).resolve() if common.exists() else git
    for place in (git, shared):
        if (place / name).exists():
            return (place / name).read_text().strip()
    packed = shared / "packed-refs"
    for line in packed.read_text().splitlines() if packed.exists() else ():
        if line.endswith(f" {name}"):
            return line.partition(" ")[0]
    return ""
