"""Versions n and n+1 of each service work together, so that they can be rolled out one by one."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from newstally import NewstallyClient
from rollouts.releases import git, previous_release
from support.corpus import assert_counted_once, make_articles
from support.processes import REPOSITORY, Process
from support.trio import RULES

SERVICES = ("gateway", "extractor", "persister")
DISTRIBUTIONS = ("protos", "runtime", *SERVICES)


@contextmanager
def checked_out(commit: str, directory: Path) -> Iterator[Path]:
    """Check a commit out beside this tree."""
    git(REPOSITORY, "worktree", "add", "--quiet", "--detach", str(directory), commit)
    try:
        yield directory
    finally:
        git(REPOSITORY, "worktree", "remove", "--force", str(directory))


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The source tree of the previous release."""
    project = tomllib.loads((REPOSITORY / "gateway" / "pyproject.toml").read_text())["project"]
    release = previous_release(REPOSITORY, project["version"])
    if release is None:
        pytest.skip("there is no release before this version in the history")
    with checked_out(release.commit, tmp_path_factory.mktemp("previous") / "tree") as tree:
        yield tree


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The source tree of the newest commit."""
    with checked_out("HEAD", tmp_path_factory.mktemp("committed") / "tree") as tree:
        yield tree


def sources(tree: Path) -> str:
    """Return a PYTHONPATH on which a tree's services, and this tree's test engine, are found."""
    folders = [str(tree / name / "src") for name in DISTRIBUTIONS]
    return os.pathsep.join([*folders, str(REPOSITORY / "tests")])


async def count_with(trees: Mapping[str, Path], directory: Path) -> None:
    """Run each service from its tree; upload, in two streams, and recount."""
    environment = {name: {"PYTHONPATH": sources(trees[name])} for name in SERVICES}
    articles = make_articles(400)

    def process(name: str, *flags: str) -> Process:
        log = directory / f"{name}.log"
        return Process(f"newstally_{name}", list(flags), log, environment[name])

    with ExitStack() as stack:
        persister = stack.enter_context(process("persister", "--data-dir", str(directory / "data")))
        extractor = stack.enter_context(process("extractor", "--engine", RULES))
        flags = ["--persister", persister.address, "--extractors", extractor.address]
        gateway = stack.enter_context(process("gateway", *flags))
        assert_comes_from(gateway, trees["gateway"])
        async with NewstallyClient(gateway.address) as client:
            await client.upload(articles[:200], upload_id="mixed")
            summary = await client.upload(articles, upload_id="mixed")
            await client.wait_applied("mixed")
        assert (summary.counted, summary.refused) == (400, 0)
        await assert_counted_once(gateway.address, articles)
        for each in (gateway, extractor, persister):
            assert each.terminate() == 0


def assert_comes_from(process: Process, tree: Path) -> None:
    """Fail unless the process runs the code of this tree."""
    variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    (path,) = [each for each in variables if each.startswith(b"PYTHONPATH=")]
    assert path.startswith(f"PYTHONPATH={tree}/".encode())


@pytest.mark.slow
@pytest.mark.parametrize("newest", [("gateway",), ("extractor", "persister")], ids="+".join)
async def test_a_rollout_can_begin_anywhere(
    newest: tuple[str, ...], previous: Path, tmp_path: Path
) -> None:
    """The newest of these services count exactly once with the previous release of the others."""
    trees = {name: REPOSITORY if name in newest else previous for name in SERVICES}
    await count_with(trees, tmp_path)


@pytest.mark.slow
async def test_services_of_two_trees_run_together(committed: Path, tmp_path: Path) -> None:
    """What the test above rests on: a gateway of another tree works with this tree's services."""
    trees = {"gateway": committed, "extractor": REPOSITORY, "persister": REPOSITORY}
    await count_with(trees, tmp_path)
