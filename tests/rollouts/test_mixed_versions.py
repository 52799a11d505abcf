"""Versions n and n+1 of each service work together, so that they can be rolled out one by one."""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from newstally import Article, NewstallyClient, Unanswered
from rollouts.releases import git, previous_release, sections
from support.corpus import assert_counted_once, make_articles
from support.processes import REPOSITORY, Process
from support.trio import RULES

SERVICES = ("gateway", "extractor", "persister")
_GENERATED = re.compile(r"^GRPC_GENERATED_VERSION = .*$", re.MULTILINE)
DISTRIBUTIONS = ("protos", "runtime", *SERVICES)


@contextmanager
def checked_out(commit: str, directory: Path) -> Iterator[Path]:
    """Check a commit out beside this tree."""
    # By force: a run that was killed may have left this path behind as a worktree's.
    git(REPOSITORY, "worktree", "add", "--force", "--quiet", "--detach", str(directory), commit)
    try:
        yield directory
    finally:
        git(REPOSITORY, "worktree", "remove", "--force", str(directory))


@pytest.fixture(scope="session")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The source tree of the previous release. Skips only where there cannot be one."""
    project = tomllib.loads((REPOSITORY / "gateway" / "pyproject.toml").read_text())["project"]
    release = previous_release(REPOSITORY, project["version"])
    if release is None:
        if git(REPOSITORY, "rev-parse", "--is-shallow-repository").strip() == "true":
            pytest.skip("this clone has no history (git fetch --unshallow)")
        named = sections((REPOSITORY / "CHANGELOG.md").read_text()).keys()
        assert named <= {project["version"]}, f"no commit in the history releases any of {named}"
        pytest.skip("there is no release before this version")
    with checked_out(release.commit, tmp_path_factory.mktemp("previous") / "tree") as tree:
        believe_todays_grpc(tree)
        yield tree


def believe_todays_grpc(tree: Path) -> None:
    """Let a release's stubs run with today's grpcio, though a later one may have made them.

    They ask for at least its version, whether or not they need it. Releases run in the
    environment of today's tree; 0.2.0 was made with 1.85.1, which is pinned no more.
    """
    for stub in tree.glob("protos/src/**/*_pb2_grpc.py"):
        text = stub.read_text()
        stub.write_text(_GENERATED.sub(f"GRPC_GENERATED_VERSION = {grpc.__version__!r}", text))


@pytest.fixture(scope="session")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The source tree of the newest commit."""
    with checked_out("HEAD", tmp_path_factory.mktemp("committed") / "tree") as tree:
        yield tree


def sources(tree: Path) -> str:
    """Return a PYTHONPATH on which a tree's services and its test engine are found."""
    folders = [str(tree / name / "src") for name in DISTRIBUTIONS]
    return os.pathsep.join([*folders, str(tree / "tests")])


@contextmanager
def running(trees: Mapping[str, Path], directory: Path) -> Iterator[str]:
    """Run each service from its tree, on the data in `directory`; give the gateway's address."""
    directory.mkdir(exist_ok=True)

    def process(name: str, *flags: str) -> Process:
        environment = {"PYTHONPATH": sources(trees[name])}
        log = directory / f"{name}.log"
        return stack.enter_context(Process(f"newstally_{name}", list(flags), log, environment))

    with ExitStack() as stack:
        persister = process("persister", "--data-dir", str(directory / "data"))
        extractor = process("extractor", "--engine", RULES)
        flags = ["--persister", persister.address, "--extractors", extractor.address]
        gateway = process("gateway", *flags)
        for name, each in zip(SERVICES, (gateway, extractor, persister), strict=True):
            assert_comes_from(each, name, trees[name])
        yield gateway.address
        for each in (gateway, extractor, persister):
            assert each.terminate() == 0


def assert_comes_from(process: Process, service: str, tree: Path) -> None:
    """Fail unless the process runs the code of this tree."""
    variables = Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0")
    (path,) = [each for each in variables if each.startswith(b"PYTHONPATH=")]
    assert path.startswith(f"PYTHONPATH={tree}/".encode())
    assert (tree / service / "src" / f"newstally_{service}" / "__main__.py").exists()


async def upload(address: str, articles: list[Article]) -> None:
    """Upload, under an id that is always the same, and wait until all of it is in the sink."""
    async with NewstallyClient(address) as client:
        summary = await client.upload(articles, upload_id="mixed")
        await client.wait_applied("mixed")
    assert (summary.counted, summary.refused) == (len(articles), 0)


async def count_with(trees: Mapping[str, Path], directory: Path) -> None:
    """Upload in two streams, the second with all of the first again, and recount."""
    articles = make_articles(400)
    with running(trees, directory) as address:
        await upload(address, articles[:200])
        await upload(address, articles)
        await assert_counted_once(address, articles)


@pytest.mark.slow
@pytest.mark.parametrize("newest", [("gateway",), ("extractor", "persister")], ids="+".join)
async def test_a_rollout_can_begin_anywhere(
    newest: tuple[str, ...], previous: Path, tmp_path: Path
) -> None:
    """The newest of these services count exactly once with the previous release of the others."""
    trees = {name: REPOSITORY if name in newest else previous for name in SERVICES}
    await count_with(trees, tmp_path)


@pytest.mark.slow
async def test_a_rollout_can_be_taken_back(previous: Path, tmp_path: Path) -> None:
    """The previous release, the newest and the previous one again carry on the same upload."""
    articles = make_articles(300)
    for done, tree in ((100, previous), (200, REPOSITORY), (300, previous)):
        with running(dict.fromkeys(SERVICES, tree), tmp_path) as address:
            await upload(address, articles[:done])
            await assert_counted_once(address, articles[:done])


@pytest.mark.slow
@pytest.mark.parametrize("older", ["gateway", "persister"])
async def test_questions_by_day_need_both(older: str, previous: Path, tmp_path: Path) -> None:
    """An older one says that it does not know them: never totals where days were asked for."""
    trees = {name: previous if name == older else REPOSITORY for name in SERVICES}
    today = datetime.now(UTC).date()
    with running(trees, tmp_path) as address:
        await upload(address, make_articles(20))
        async with NewstallyClient(address) as client:
            questions = client.questions
            for asked in (
                questions.ranking(since=today),
                questions.rising(),
                questions.history("anna"),
                questions.publications("anna"),
                questions.find("a"),
            ):
                with pytest.raises(Unanswered, match=r"before 0\.3"):
                    await asked


@pytest.mark.slow
async def test_services_of_two_trees_run_together(committed: Path, tmp_path: Path) -> None:
    """What the tests above rest on: a gateway of another tree works with this tree's services."""
    trees = {"gateway": committed, "extractor": REPOSITORY, "persister": REPOSITORY}
    await count_with(trees, tmp_path)
