"""The backup CronJob's own commands, run here on a sink that is written to meanwhile."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from manifests.objects import EXAMPLES, REPOSITORY, Manifests, Pod, load
from newstally import Article, NewstallyClient
from newstally_persister.sinks.sqlite import SqliteSink
from newstally_persister.sinks.sqlite_schema import SPELT_TABLES
from newstally_persister.values.parts import EntityRow, Part, PublicationRow, digest
from support.corpus import make_articles
from support.trio import Trio

KEPT = 7


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    """The system with the SQLite sink and its backup."""
    sqlite = load().replaced_by(load(EXAMPLES / "sqlite-sink.yaml"))
    return sqlite.replaced_by(load(EXAMPLES / "sqlite-backup.yaml"))


@pytest.fixture(scope="module")
def backup(manifests: Manifests) -> Pod:
    """What the CronJob makes."""
    return manifests.pod("backup")


def copy(backup: Pod, tallies: Path) -> subprocess.CompletedProcess[str]:
    """Run what `kubectl exec` runs in the persister's container."""
    arguments = backup.containers[0]["args"]
    command = arguments[arguments.index("--") + 1 :]
    assert command[:2] == ["python", "-c"]
    return _run(command[2], NEWSTALLY_PERSISTER_SQLITE_PATH=str(tallies))


def keep(backup: Pod, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run what looks at the copy and keeps it, in this folder instead of /backup."""
    program = backup.container["command"][2]
    assert program.count('"/backup"') == 1
    environment = {each["name"]: each["value"] for each in backup.container["env"]}
    return _run(program.replace('"/backup"', repr(str(folder))), **environment)


def part(flush: int) -> Part:
    """Return the only part of a flush: one mention more."""
    publications = [PublicationRow("post", "Post", 1, 1)]
    rows = [EntityRow("post", "x", "P", 1, 1)]
    return Part("j", flush, 1, digest(publications, rows), publications, rows)


def _run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_a_copy_is_consistent_while_tallies_are_written(backup: Pod, tmp_path: Path) -> None:
    """It holds whole parts: as many mentions as the mark says, and nothing of a part half done."""
    tallies, folder = tmp_path / "tallies.db", tmp_path / "backup"
    folder.mkdir()
    sink = SqliteSink(tallies, receipt_days=7)
    try:
        await sink.apply(part(1))
        copying = asyncio.create_task(asyncio.to_thread(copy, backup, tallies))
        flush = 1
        while not copying.done():
            flush += 1
            await sink.apply(part(flush))
        done = copying.result()
    finally:
        await sink.close()
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "copy.part").exists()
    (tmp_path / "copy.db").rename(folder / "next")
    done = keep(backup, folder)
    assert done.returncode == 0, done.stderr
    (kept,) = folder.iterdir()
    assert done.stdout == f"{kept.name}: 1 publications\n"
    with closing(sqlite3.connect(kept)) as connection:
        (mentions,) = connection.execute("SELECT mentions FROM publication_tallies").fetchone()
        (started,) = connection.execute("SELECT started FROM marks").fetchone()
        assert 1 <= mentions == started <= flush
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_a_copy_of_the_form_before_is_kept(backup: Pod, tmp_path: Path) -> None:
    """A store goes on in the form that it was made in."""
    folder = tmp_path / "backup"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "next")) as connection, connection:
        for statement in SPELT_TABLES:
            connection.execute(statement)
        connection.execute("INSERT INTO publications VALUES ('post', 'Post', 1, 1)")
    done = keep(backup, folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(": 1 publications\n")


def test_a_broken_copy_is_not_kept(backup: Pod, tmp_path: Path) -> None:
    """It fails, and the copies of the nights before stay."""
    before = tmp_path / "tallies-20260101T031700Z.db"
    before.write_bytes(b"")
    (tmp_path / "next").write_bytes(b"certainly not a database" * 100)
    assert keep(backup, tmp_path).returncode != 0
    assert before.exists()
    assert len(list(tmp_path.glob("tallies-*"))) == 1


def test_the_newest_are_kept(backup: Pod, tmp_path: Path) -> None:
    """Seven, the one of this night among them."""
    for day in range(10, 20):
        (tmp_path / f"tallies-202601{day}T031700Z.db").write_bytes(b"")
    with closing(sqlite3.connect(tmp_path / "next")) as connection:
        connection.execute("CREATE TABLE publications (key TEXT)")
    assert keep(backup, tmp_path).returncode == 0
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert len(kept) == KEPT
    assert kept[:2] == ["tallies-20260114T031700Z.db", "tallies-20260115T031700Z.db"]


def test_another_sink_is_no_backup(backup: Pod, tmp_path: Path) -> None:
    """Without a SQLite file the copy fails, and makes none."""
    assert copy(backup, tmp_path / "nowhere" / "tallies.db").returncode != 0
    assert copy(backup, tmp_path / "tallies.db").returncode != 0
    assert not (tmp_path / "tallies.db").exists()
    assert not (tmp_path / "copy.db").exists()


def test_the_newest_copy_is_chosen_or_the_one_that_is_named(
    manifests: Manifests, tmp_path: Path
) -> None:
    """To be brought back; a name of none is an error."""
    for day in (10, 12, 11):
        (tmp_path / f"tallies-202601{day}T031700Z.db").write_text(str(day))
    (tmp_path / "next").write_text("not checked yet")
    choose = manifests.pod("restore").containers[0]
    (newest,) = (each["value"] for each in choose["env"] if each["name"] == "COPY")
    program = choose["command"][2].replace('"/backup"', repr(str(tmp_path)))
    for name, kept in ((newest, "12"), ("tallies-20260110T031700Z.db", "10")):
        assert _run(program, COPY=name).returncode == 0
        assert (tmp_path / "chosen").read_text() == kept
    assert _run(program, COPY="tallies-20250101T031700Z.db").returncode != 0


async def test_a_copy_is_taken_into_use_beside_an_empty_journal(
    backup: Pod, tmp_path: Path
) -> None:
    """As docs/operating.md says: the tallies of the copy go on, with what is uploaded since."""
    articles = make_articles(30)
    tallies = tmp_path / "tallies.db"
    with Trio(tmp_path / "a", extractors=1, persister_flags=["--sqlite-path", str(tallies)]) as old:
        await _applied(old.gateway.address, articles[:20])
        assert copy(backup, tallies).returncode == 0
        await _applied(old.gateway.address, articles[:5])
    restored = ["--sqlite-path", str(tmp_path / "copy.db")]
    with Trio(tmp_path / "b", extractors=1, persister_flags=restored) as new:
        await _applied(new.gateway.address, articles[20:])
        async with NewstallyClient(new.gateway.address) as client:
            found = [each async for each in client.publications()]
    assert sum(each.articles for each in found) == len(articles)


async def _applied(target: str, articles: list[Article]) -> None:
    async with NewstallyClient(target) as client:
        upload = await client.wait_applied((await client.upload(articles)).upload_id)
    assert upload.applied_offset == len(articles)


def test_what_is_fetched_is_what_was_copied(manifests: Manifests, backup: Pod) -> None:
    """Pod, container and path are those of the persister with the SQLite sink."""
    persister = manifests.pod("persister")
    path = Path(manifests.environment(persister)["NEWSTALLY_PERSISTER_SQLITE_PATH"])
    copying, fetching = (each["args"] for each in backup.containers[:2])
    name = f"{persister.name}-0"
    assert fetching[-2:] == [f"newstally/{name}:{path.with_name('copy.db')}", "/backup/next"]
    container = f"--container={persister.container['name']}"
    assert copying[:4] == ["exec", name, "--namespace=newstally", container]
    assert container in fetching
    for rule in manifests.get("Role", "backup")["rules"]:
        assert rule["resourceNames"] == [name]
    assert (
        persister.spec["securityContext"]["runAsUser"]
        == backup.spec["securityContext"]["runAsUser"]
    )


def test_what_is_brought_back_is_what_the_guide_names(manifests: Manifests) -> None:
    """The path of the restored tallies, on the persister's disk."""
    path = manifests.pod("restore").container["args"][-1].partition(":")[2]
    text = (REPOSITORY / "docs" / "operating.md").read_text()
    assert f'"NEWSTALLY_PERSISTER_SQLITE_PATH": "{path}"' in text
    mounts = manifests.pod("persister").container["volumeMounts"]
    assert str(Path(path).parent) in {each["mountPath"] for each in mounts}
    assert manifests.get("CronJob", "restore")["spec"]["suspend"] is True
