"""How releases are made, and found in the history."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from rollouts.releases import Release, git, previous_release, released, sections
from support.processes import REPOSITORY

CHANGELOG = "# Changelog\n\n## 0.2.0 (unreleased)\n\n- more\n\n## 0.1.0 (2026-01-01)\n\n- all\n"


@pytest.mark.parametrize(
    ("changelog", "version"),
    [
        ("# Changelog\n\n## 0.2.0 (2026-11-21)\n\n- x\n\n## 0.1.0 (2026-01-01)\n", "0.2.0"),
        ("## 0.2.0 (unreleased)\n\n## 0.1.0 (2026-01-01)\n", None),
        ("# Changelog\n", None),
    ],
)
def test_a_section_with_a_date_is_a_release(changelog: str, version: str | None) -> None:
    """What heads the changelog is released, or is being worked on."""
    assert released(changelog) == version


def commit(repository: Path, *headings: str) -> str:
    """Commit a changelog of these sections; return the commit."""
    (repository / "CHANGELOG.md").write_text("".join(f"{each}\n\n- x\n\n" for each in headings))
    git(repository, "add", "CHANGELOG.md")
    author = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    git(repository, *author, "commit", "--quiet", "--allow-empty", "--message", headings[0])
    return git(repository, "rev-parse", "HEAD").strip()


def test_the_newest_other_release_is_found_without_tags(tmp_path: Path) -> None:
    """Neither the current version nor an unreleased one is the previous release."""
    git(tmp_path, "init", "--quiet")
    first, second = "## 0.1.0 (2026-01-01)", "## 0.2.0 (2026-01-02)"
    commit(tmp_path, first)
    release = commit(tmp_path, second, first)
    commit(tmp_path, "## 0.3.0 (unreleased)", second, first)
    commit(tmp_path, "## 0.3.0 (2026-01-03)", second, first)
    assert previous_release(tmp_path, "0.3.0") == Release("0.2.0", release)


def test_a_release_is_the_commit_that_dates_it(tmp_path: Path) -> None:
    """What is done to the changelog before the next version is opened makes no release."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "## 0.1.0 (unreleased)")
    release = commit(tmp_path, "## 0.1.0 (2026-01-01)")
    commit(tmp_path, "## 0.1.0 (2026-01-01)", "A word about it")
    commit(tmp_path, "## 0.2.0 (unreleased)", "## 0.1.0 (2026-01-01)")
    assert previous_release(tmp_path, "0.2.0.dev0") == Release("0.1.0", release)


def test_a_merge_that_brings_a_release_along_is_none(tmp_path: Path) -> None:
    """The merged tree holds more than what was released."""
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit(tmp_path, "## 0.1.0 (unreleased)")
    git(tmp_path, "switch", "--quiet", "--create", "release")
    release = commit(tmp_path, "## 0.1.0 (2026-01-01)")
    git(tmp_path, "switch", "--quiet", "main")
    commit(tmp_path, "## 0.1.0 (unreleased)", "More")
    git(tmp_path, "merge", "--quiet", "--no-commit", "--strategy", "ours", "release")
    commit(tmp_path, "## 0.1.0 (2026-01-01)", "More")
    assert previous_release(tmp_path, "0.2.0.dev0") == Release("0.1.0", release)


def test_the_first_release_has_none_before_it(tmp_path: Path) -> None:
    """While there is one release only, there is nothing to roll out from."""
    git(tmp_path, "init", "--quiet")
    commit(tmp_path, "## 0.1.0 (unreleased)")
    commit(tmp_path, "## 0.1.0 (2026-01-01)")
    assert previous_release(tmp_path, "0.1.0") is None


def versions(root: Path) -> set[str]:
    """Return the versions of all distributions but the pipeline's."""
    return {
        tomllib.loads(project.read_text())["project"]["version"]
        for project in root.glob("*/pyproject.toml")
        if project.parent.name != "models"
    }


def test_versions_and_changelog_agree() -> None:
    """One version everywhere: with its date it is a release, otherwise it ends in .dev0."""
    (version,) = versions(REPOSITORY)
    changelog = (REPOSITORY / "CHANGELOG.md").read_text()
    match = re.search(r"^## (\S+) \((unreleased|\d{4}-\d\d-\d\d)\)$", changelog, re.MULTILINE)
    assert match is not None
    assert version == (f"{match[1]}.dev0" if match[2] == "unreleased" else match[1])
    numbers = [[int(n) for n in each.split(".")] for each in sections(changelog)]
    assert numbers == sorted(numbers, reverse=True)


def test_a_released_section_stays_as_it_was() -> None:
    """What is new goes into the section of the version in development."""
    release = previous_release(REPOSITORY, "")
    if release is None:
        pytest.skip("there is no release in the history")
    then = sections(git(REPOSITORY, "show", f"{release.commit}:CHANGELOG.md"))
    now = sections((REPOSITORY / "CHANGELOG.md").read_text())
    assert {version: now.get(version) for version in then} == then


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree of 0.2.0 in development, with the tool."""
    for name, version in (("gateway", "0.2.0.dev0"), ("client", "0.2.0.dev0"), ("models", "7.0.0")):
        (tmp_path / name).mkdir()
        text = f'[project]\nname = "{name}"\nversion = "{version}"\n'
        (tmp_path / name / "pyproject.toml").write_text(text)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "tools").mkdir()
    shutil.copy(REPOSITORY / "tools" / "release.py", tmp_path / "tools")
    return tmp_path


def step(tree: Path, *arguments: str) -> str:
    """Run the tool in the tree; return what it complains about."""
    command = [sys.executable, str(tree / "tools" / "release.py"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (done.stderr == "")
    return done.stderr


def test_the_tool_makes_releases_that_are_found(tree: Path) -> None:
    """A release, then the next one in development: versions and sections in step."""
    assert step(tree, "release") == ""
    assert versions(tree) == {"0.2.0"}
    changelog = (tree / "CHANGELOG.md").read_text()
    assert released(changelog) == "0.2.0"
    assert sections(changelog) == {"0.2.0": "- more", "0.1.0": "- all"}
    assert step(tree, "next", "0.10.0") == ""
    assert versions(tree) == {"0.10.0.dev0"}
    assert (tree / "CHANGELOG.md").read_text().startswith("# Changelog\n\n## 0.10.0 (unreleased)\n")
    assert tomllib.loads((tree / "models" / "pyproject.toml").read_text())["project"] == {
        "name": "models",
        "version": "7.0.0",
    }


def test_the_tool_refuses_what_makes_no_sense(tree: Path) -> None:
    """Neither step happens twice, backwards, or without a word about what is new."""
    assert "release it first" in step(tree, "next", "0.3.0")
    (tree / "CHANGELOG.md").write_text(CHANGELOG.replace("- more", ""))
    assert "says nothing about 0.2.0" in step(tree, "release")
    (tree / "CHANGELOG.md").write_text(CHANGELOG.replace("0.2.0", "0.3.0"))
    assert "## 0.2.0 (unreleased)" in step(tree, "release")
    (tree / "CHANGELOG.md").write_text(CHANGELOG)
    assert step(tree, "release") == ""
    assert "a release already" in step(tree, "release")
    assert "above 0.2.0" in step(tree, "next", "0.1.9")
