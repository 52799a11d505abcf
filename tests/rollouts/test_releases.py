"""How the previous release is found."""

from pathlib import Path

import pytest
from rollouts.releases import git, previous_release, released


@pytest.mark.parametrize(
    ("changelog", "version"),
    [
        ("# Changelog\n\n## 0.2.0\n\n- x\n\n## 0.1.0\n", "0.2.0"),
        ("## 0.2.0 (2026-11-21)\n", "0.2.0"),
        ("## 0.2.0 (unreleased)\n\n## 0.1.0\n", None),
        ("# Changelog\n", None),
    ],
)
def test_a_section_is_a_release_unless_it_says_otherwise(
    changelog: str, version: str | None
) -> None:
    """What heads the changelog is released, or is being worked on."""
    assert released(changelog) == version


def commit(repository: Path, heading: str) -> str:
    """Commit a changelog with this section at its head; return the commit."""
    changelog = repository / "CHANGELOG.md"
    before = changelog.read_text() if changelog.exists() else ""
    changelog.write_text(f"{heading}\n\n- something\n\n{before}")
    git(repository, "add", "CHANGELOG.md")
    author = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    git(repository, *author, "commit", "--quiet", "--message", heading)
    return git(repository, "rev-parse", "HEAD").strip()


def test_the_newest_other_release_is_found_without_tags(tmp_path: Path) -> None:
    """Neither the current version nor an unreleased one is the previous release."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "## 0.1.0")
    second = commit(tmp_path, "## 0.2.0 (2026-01-01)")
    commit(tmp_path, "## 0.3.0 (unreleased)")
    commit(tmp_path, "## 0.3.0")
    found = previous_release(tmp_path, "0.3.0")
    assert found is not None
    assert (found.version, found.commit) == ("0.2.0", second)


def test_the_first_release_has_none_before_it(tmp_path: Path) -> None:
    """While there is one release only, there is nothing to roll out from."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "## 0.1.0 (unreleased)")
    commit(tmp_path, "## 0.1.0")
    assert previous_release(tmp_path, "0.1.0") is None
