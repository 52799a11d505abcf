"""Releases in the history: each is the commit that dates the first section of CHANGELOG.md.

Tags may be missing in a clone, so the sections are what counts: `## 0.2.0 (2026-01-31)` is a
release, `## 0.2.0 (unreleased)` is being worked on.
"""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

_HEADING = re.compile(r"^## (\d+\.\d+\.\d+) \((.*)\)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Release:
    """A released version and the commit that released it."""

    version: str
    commit: str


def sections(changelog: str) -> dict[str, str]:
    """Return the released versions with what is said about each, newest first."""
    pieces = _HEADING.split(changelog)[1:]
    triples = zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True)
    return {version: text.strip() for version, day, text in triples if day != "unreleased"}


def released(changelog: str) -> str | None:
    """Return the version that heads the changelog, if it is released."""
    match = _HEADING.search(changelog)
    return None if match is None or match[2] == "unreleased" else match[1]


def previous_release(repository: Path, current: str) -> Release | None:
    """Return the newest release in the history that is not `current`.

    Later commits may stand on a release, and merges may bring it along: the release is the one
    whose parents were not released yet.
    """
    log = git(repository, "log", "--format=%H %P", "--", "CHANGELOG.md")
    for commit, *parents in map(str.split, log.splitlines()):
        version = released(_changelog(repository, commit))
        if version is None or version == current:
            continue
        if all(released(_changelog(repository, parent)) != version for parent in parents):
            return Release(version, commit)
    return None


def _changelog(repository: Path, commit: str) -> str:
    if not git(repository, "ls-tree", commit, "--", "CHANGELOG.md"):
        return ""
    return git(repository, "show", f"{commit}:CHANGELOG.md")


def git(repository: Path, *arguments: str) -> str:
    """Run git and return what it prints. Raises CalledProcessError."""
    command = ["git", "-C", str(repository), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout
