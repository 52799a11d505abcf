"""The images together, as the manifests would run them."""

import asyncio
import io
import json
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from images.docker import DOCKER, LABEL, docker, inspect
from images.hungry import EAT
from images.system import System, running, sqlite_manifests
from manifests.objects import EXAMPLES, REPOSITORY, load
from manifests.settings import settings_of
from newstally import Access, AccessDenied, Article, NewstallyClient
from newstally_extractor.settings import ExtractorSettings
from support.certificates import secure
from support.corpus import make_articles
from support.processes import eventually

pytestmark = [pytest.mark.images, pytest.mark.timeout(600)]

SAMPLE = REPOSITORY / "sample" / "articles.jsonl"
ENGINE = "images.hungry:hungry"


@pytest.fixture(scope="module")
def system(image_names: dict[str, str]) -> Iterator[System]:
    """The whole system with the default pipeline and the SQLite sink."""
    with running(sqlite_manifests()) as found:
        yield found


def recounted(target: str) -> None:
    """Fail unless the store holds what a plain recount of the sample gives."""
    recount = [sys.executable, str(REPOSITORY / "tools" / "recount.py"), str(SAMPLE)]
    done = subprocess.run(
        [*recount, "--target", target], capture_output=True, text=True, check=False
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_sample_is_counted_once(system: System, tmp_path: Path) -> None:
    """The sample, uploaded through the published port, gives the tallies of a plain recount."""
    upload = [sys.executable, "-m", "newstally", "upload", str(SAMPLE), "--upload-id", "sample-1"]
    more = ["--target", system.gateway.address, "--state-dir", str(tmp_path), "--wait-applied"]
    subprocess.run([*upload, *more], check=True, timeout=240)
    recounted(system.gateway.address)


def test_the_jobs_image_uploads_the_same_again(
    system: System, image_names: dict[str, str], tmp_path: Path
) -> None:
    """What the upload Job runs, from inside the network under the same id, counts nothing twice."""
    pod = load(REPOSITORY / "k8s" / "examples" / "upload-job.yaml").pods()[0]
    articles = tmp_path / "articles"
    articles.mkdir(mode=0o755)
    (articles / "articles.jsonl").write_bytes(SAMPLE.read_bytes())
    flags = [
        "--rm",
        "--label",
        LABEL,
        "--network",
        system.network,
        "--read-only",
        "--cap-drop",
        "ALL",
    ]
    flags += ["--tmpfs", "/tmp:mode=1777", "--memory", "512m"]
    flags += ["--mount", f"type=bind,source={articles},target=/articles,readonly"]
    said = docker("run", *flags, image_names["client"], *pod.container["args"], "--json")
    assert json.loads(said.splitlines()[-1])["upload_id"] == "sample-1"
    recounted(system.gateway.address)


async def test_the_largest_article_fits(system: System) -> None:
    """Content as long as it may be is counted within the manifests' memory and time limits."""
    environment = load().environment(load().pod("extractor"))
    length = settings_of(ExtractorSettings, environment).max_content_bytes
    sample = SAMPLE.read_text().encode("ascii", "ignore").decode()
    text = (sample * (1 + length // len(sample)))[:length]
    async with NewstallyClient(system.gateway.address) as client:
        upload = await client.upload([Article("The Long Read", text)])
    assert (upload.counted, upload.refused) == (1, 0)
    assert [each.restarts for each in system.containers] == [0, 0, 0, 0]


def test_a_backup_is_taken_in_the_persisters_container(system: System, tmp_path: Path) -> None:
    """The backup's own command, and what `kubectl cp` needs there: a whole copy comes out."""
    arguments = load(EXAMPLES / "sqlite-backup.yaml").pod("backup").containers[0]["args"]
    name = system.persister.name
    docker("exec", name, *arguments[arguments.index("--") + 1 :])
    assert DOCKER is not None
    fetch = [DOCKER, "exec", name, "tar", "cf", "-", "/data/copy.db"]
    archive = subprocess.run(fetch, stdout=subprocess.PIPE, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as members:
        (member,) = members
        content = members.extractfile(member)
        assert content is not None
        (tmp_path / "copy.db").write_bytes(content.read())
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        (articles,) = copy.execute("SELECT sum(articles) FROM publication_tallies").fetchone()
    assert articles >= len(SAMPLE.read_text().splitlines())


def test_health_checks_succeed(system: System) -> None:
    """Docker itself finds each of them healthy."""
    for container in system.containers:
        eventually(partial(getattr, container, "is_healthy"), 60, f"{container.name} healthy")


def test_they_run_without_privileges(system: System) -> None:
    """Not root, on a read-only file system, without any capability, within a memory limit."""
    for container in system.containers:
        status = docker("exec", container.name, "cat", "/proc/1/status")
        fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert fields["Uid"].split() == ["10001"] * 4
        assert int(fields["CapEff"], 16) == int(fields["CapBnd"], 16) == 0
        host = inspect(container.name)["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["Memory"] == container.memory_bytes


def test_docker_stop_ends_each_in_time(system: System) -> None:
    """Each leaves with exit code 0, well within its grace period. The last test of this system."""
    for container in system.containers:
        pod = load().pod(container.alias)
        grace = pod.spec["terminationGracePeriodSeconds"]
        code, seconds = container.stop(grace)
        print(f"\n{container.name}: exit code {code} after {seconds:.1f} s")
        assert code == 0
        assert seconds < grace / 2


async def test_a_replica_killed_by_its_memory_limit_is_healed(
    image_names: dict[str, str], tmp_path: Path
) -> None:
    """The kernel kills a replica in the middle of an upload: it comes back, nothing is lost."""
    marks = tmp_path / "marks"
    marks.mkdir()
    marks.chmod(0o777)
    articles = make_articles(300)
    hungry = articles[150]
    articles[150] = Article(hungry.publication, f"{hungry.content} {EAT}", hungry.article_id)
    tests = REPOSITORY / "tests"
    with running(sqlite_manifests(), engine=ENGINE, tests=tests, marks=marks) as system:
        async with NewstallyClient(system.gateway.address) as client:
            upload = await client.upload(articles)
        assert (upload.counted, upload.refused) == (300, 0)
        assert (marks / "eaten").exists()
        assert sorted(each.restarts for each in system.extractors) == [0, 1]
        await asyncio.to_thread(system.wait_ready, sqlite_manifests())


async def test_closed_they_speak_tls_and_want_a_key(
    image_names: dict[str, str], tmp_path: Path
) -> None:
    """With the Secrets of docs/kubernetes.md and closed.yaml: counted with a key, not without."""
    folder, keys = tmp_path / "certificates", tmp_path / "keys"
    secured = secure(folder)
    keys.mkdir()
    (folder / "keys.json").rename(keys / "keys.json")
    for path in (folder, keys, *folder.rglob("*"), *keys.iterdir()):
        path.chmod(0o755 if path.is_dir() else 0o644)  # as the kubelet writes a Secret
    secret = {f"{name}-mtls": folder / name for name in ("gateway", "extractor", "persister")}
    secret |= {"gateway-tls": folder / "door", "gateway-keys": keys}
    manifests = sqlite_manifests().replaced_by(load(EXAMPLES / "closed.yaml"))
    articles = make_articles(100)
    with running(manifests, extractors=1, secret=secret) as system:
        async with NewstallyClient(system.gateway.address, access=secured.access) as client:
            upload = await client.upload(articles)
        assert (upload.counted, upload.refused) == (100, 0)
        without = Access(ca=secured.folder.authority)
        async with NewstallyClient(system.gateway.address, access=without) as client:
            with pytest.raises(AccessDenied):
                await client.upload(articles)
        assert [each.restarts for each in system.containers] == [0, 0, 0]


def test_without_credentials_articles_are_journaled(
    image_names: dict[str, str], tmp_path: Path
) -> None:
    """With the default sink and no Google to be found: ready, articles settle, and it says why."""
    with running(load(), extractors=1) as system:
        more = ["--target", system.gateway.address, "--state-dir", str(tmp_path)]
        command = [sys.executable, "-m", "newstally", "upload", str(SAMPLE), "--json", *more]
        done = subprocess.run(command, check=True, timeout=240, stdout=subprocess.PIPE, text=True)
        upload = json.loads(done.stdout)
        assert upload["next_offset"] > upload["applied_offset"] == 0
        eventually(
            lambda: "GOOGLE_APPLICATION_CREDENTIALS" in system.persister.get("/readyz", 9103)[1],
            60,
            "the remedy in /readyz",
        )
        assert system.persister.get("/readyz", 9103)[0] == 200
