"""Releases in the history: each is a commit that heads a section of CHANGELOG.md with its version.

Tags may be missing in a clone, so the sections are what counts: `## 0.2.0` or `## 0.2.0 (date)`;
`## 0.2.0 (unreleased)` is not released yet.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+)(?: \((.*)\))?\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """A released version and the newest commit that is it."""

    version: str
    commit: str


def released(changelog: str) -> str | None:
    """Return the version that heads the changelog, if it is released."""
    match = _HEADING.search(changelog)
    if match is None or (match[2] or "").strip().lower() == "unreleased":
        return None
    return match[1]


def previous_release(repository: Path, current: str) -> Release | None:
    """Return the newest release in the history that is not `current`."""
    for commit in git(repository, "log", "--format=%H", "--", "CHANGELOG.md").split():
        version = released(git(repository, "show", f"{commit}:CHANGELOG.md"))
        if version is not None and version != current:
            return Release(version, commit)
    return None


def git(repository: Path, *arguments: str) -> str:
    """Run git and return what it prints. Raises CalledProcessError."""
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout
