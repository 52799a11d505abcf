"""Which release, and which commit: read, and not asked of git."""

import subprocess
from pathlib import Path

import pytest
from newstally_runtime.observing.release import VARIABLE, Release, find_release, revision_of
from support.processes import REPOSITORY


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=n", "-c", "user.email=e", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "--quiet")
    git(tree, "commit", "--quiet", "--allow-empty", "--message", "first")
    return tree


def test_the_commit_of_a_tree_is_read(tree: Path) -> None:
    """On a branch, with packed references, without a branch, and in a worktree beside it."""
    head = git(tree, "rev-parse", "HEAD")
    file = tree / "a" / "b.py"
    assert revision_of(file) == head
    git(tree, "pack-refs", "--all")
    assert revision_of(file) == head
    git(tree, "worktree", "add", "--quiet", "../beside")
    git(tree.parent / "beside", "commit", "--quiet", "--allow-empty", "--message", "second")
    beside = git(tree.parent / "beside", "rev-parse", "HEAD")
    assert beside != head
    assert revision_of(tree.parent / "beside" / "c.py") == beside
    git(tree, "checkout", "--quiet", "--detach")
    assert revision_of(file) == head


def test_outside_of_a_tree_there_is_none(tmp_path: Path) -> None:
    """Nor in one that cannot be read."""
    assert revision_of(tmp_path / "a.py") == ""
    (tmp_path / ".git").write_text("gitdir: nowhere")
    assert revision_of(tmp_path / "a.py") == ""


def test_an_image_names_its_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a variable; what is no commit is none."""
    monkeypatch.setenv(VARIABLE, "0123456789abcdef" * 2)
    assert find_release("gateway").revision == "0123456789ab"
    monkeypatch.setenv(VARIABLE, "unknown")
    assert find_release("gateway").revision == ""
    monkeypatch.delenv(VARIABLE)
    assert find_release("gateway").revision == git(REPOSITORY, "rev-parse", "HEAD")[:12]


def test_a_release_for_people() -> None:
    """Version and revision, if that is known."""
    assert str(Release("0.3.0", "0123456789ab")) == "0.3.0+0123456789ab"
    assert str(Release("0.3.0", "")) == "0.3.0"
    assert find_release("nothing").version == "unreleased"
