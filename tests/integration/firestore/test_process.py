"""The persister as a process with Firestore as its sink: killed, refused, copied, mended."""

import asyncio
import json
import os
import random
import re
import shutil
import signal
import sys
from pathlib import Path

import grpc
import pytest
from newstally import NewstallyClient
from newstally_persister import failpoints
from newstally_persister.sinks.firestore.making import LIMITS_VARIABLE
from support.corpus import assert_counted_once, make_articles, totals
from support.firestore_bench import Store
from support.firestore_chaos import articles
from support.firestore_compact import COMPACT, DOCUMENTS, Kind
from support.firestore_proxy import COMMIT, PASS, Fault, FirestoreProxy, What
from support.processes import REPOSITORY, Process, eventually
from support.trio import RULES
from unit.persister.building import Article, recount
from unit.persister.calling import Caller, persister

FLAGS = ("--sink", "firestore", "--flush-age", "0.2")
FIRST, SECOND, THIRD = (articles(random.Random(seed), 12) for seed in (1, 2, 3))
STEPS = [
    "before-fixing",
    "after-fixing",
    "after-fixing:3",
    "after-reply",
    "after-reply:3",
    "before-deleting",
    "before-deleting:3",
    "after-expiring",
]


def firestore_persister(
    directory: Path, host: str, project: str, kind: Kind = DOCUMENTS
) -> Process:
    """A persister on a database of its own in the emulator, not started."""
    # Parts of a few rows in each layout.
    writes = {"documents": "5", "compact": "1"}[kind.name]
    flags = ("--firestore-layout", kind.name, "--firestore-part-writes", writes)
    process = persister(directory, *FLAGS, *flags)
    process.environment.update(FIRESTORE_EMULATOR_HOST=host, GOOGLE_CLOUD_PROJECT=project)
    return process


def record(process: Process, upload_id: str, some: list[Article], *, wait: bool = True) -> None:
    """Record articles as a new upload, and wait until they are applied, or for nothing."""
    with Caller(process.address) as caller:
        caller.create(upload_id)
        if wait:
            caller.insist(upload_id, 0, some)
            caller.until_applied(upload_id)
        else:
            caller.give(upload_id, 0, some)


async def assert_holds(
    emulator: str, project: str, sent: list[Article], kind: Kind = DOCUMENTS
) -> None:
    async with kind.store(emulator, project) as store:
        total, dated = await store.counts()
    assert total == recount(sent)
    assert dated == kind.recount_dated(sent)


@pytest.mark.parametrize("kind", [DOCUMENTS, COMPACT], ids=lambda kind: kind.name)
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at_a_step_of_a_flush(
    step: str, kind: Kind, emulator: str, tmp_path: Path
) -> None:
    """kill -9 there; the next start finishes the flush with the same ids: the recount is equal."""
    project = f"killed-{kind.name}-{step.replace(':', '-')}"
    process = firestore_persister(tmp_path, emulator, project, kind)
    process.environment[failpoints.VARIABLE] = step

    def live() -> None:
        with process:
            record(process, "one", FIRST, wait=False)
            assert process.wait_exit() == -signal.SIGKILL
            del process.environment[failpoints.VARIABLE]
            process.start()
            record(process, "two", SECOND)
            with Caller(process.address) as caller:
                caller.until_applied("one")
                assert caller.everything() == recount([*FIRST, *SECOND])

    await asyncio.to_thread(live)
    await assert_holds(emulator, project, [*FIRST, *SECOND], kind)


@pytest.mark.parametrize("number", [1, 2, 5])
@pytest.mark.parametrize(
    "step", ["before-closing", "after-closing", "before-folding", "after-folding"]
)
async def test_killed_at_a_step_of_a_fold(
    step: str, number: int, emulator: str, tmp_path: Path
) -> None:
    """kill -9 before or after a commit of it; the next process goes on: the recount is equal."""
    project = f"killed-fold-{step}-{number}"
    process = firestore_persister(tmp_path, emulator, project, COMPACT)
    process.environment[failpoints.VARIABLE] = f"{step}:{number}"
    process.environment[LIMITS_VARIABLE] = "log_bytes=1800,leaf_bytes=400,leaf_rows=3"
    many = articles(random.Random(4), 60)

    def live() -> None:
        with process:
            record(process, "one", many, wait=False)
            assert process.wait_exit() == -signal.SIGKILL
            del process.environment[failpoints.VARIABLE]
            process.start()
            record(process, "two", SECOND)
            with Caller(process.address) as caller:
                caller.until_applied("one")
                assert caller.everything() == recount([*many, *SECOND])

    await asyncio.to_thread(live)
    await assert_holds(emulator, project, [*many, *SECOND], COMPACT)


@pytest.mark.parametrize("number", [1, 3])
async def test_killed_after_sending(
    number: int, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """kill -9 when a commit was applied and its reply is still on the way: the recount is equal."""
    commits = 0

    def plan(method: str, _: bytes) -> Fault:
        nonlocal commits
        commits += method == COMMIT
        return Fault(What.APPLY_AND_STALL) if (commits, method) == (number, COMMIT) else PASS

    proxy.plan = plan
    project = f"killed-after-sending-{number}"
    process = firestore_persister(tmp_path, proxy.address, project)
    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(record, process, "one", FIRST, wait=False)
        async with asyncio.timeout(60):
            await proxy.applied.wait()
        await asyncio.to_thread(process.kill)
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(record, process, "two", SECOND)
        with Caller(process.address) as caller:
            await asyncio.to_thread(caller.until_applied, "one")
    finally:
        await asyncio.to_thread(process.kill)
    await assert_holds(emulator, project, [*FIRST, *SECOND])


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, "roles/datastore.user"),
        (grpc.StatusCode.UNAUTHENTICATED, "GOOGLE_APPLICATION_CREDENTIALS"),
        (grpc.StatusCode.NOT_FOUND, "--firestore-database"),
    ],
)
async def test_what_somebody_must_mend(
    code: grpc.StatusCode, remedy: str, emulator: str, proxy: FirestoreProxy, tmp_path: Path
) -> None:
    """Ready all the same; one line, a metric and /readyz say what to do; mended, it all arrives."""
    proxy.plan = lambda _method, _request: Fault(What.REFUSE, code)
    project = f"mended-{code.name.lower().replace('_', '-')}"
    process = firestore_persister(tmp_path, proxy.address, project)

    def trouble() -> None:
        record(process, "one", FIRST, wait=False)
        eventually(lambda: sink_state(process) == "permanent error")
        state = json.loads(process.admin("/readyz"))
        assert state["ready"]
        assert remedy in state["sink"]["remedy"]
        assert code.name in state["sink"]["error"]
        assert process.metric("newstally_persister_sink_trouble", kind="permanent") == 1
        eventually(lambda: process.metric("newstally_persister_sink_errors_total") >= 3)
        eventually(lambda: process.events("sink failed"), what="it is told")
        assert [event["remedy"] for event in process.events("sink failed")] == [
            state["sink"]["remedy"]
        ]
        with Caller(process.address) as caller:
            assert caller.upload("one").applied_offset == 0

    def mended() -> None:
        with Caller(process.address) as caller:
            caller.until_applied("one")
        eventually(lambda: sink_state(process) == "working")
        assert process.metric("newstally_persister_sink_trouble", kind="permanent") == 0

    try:
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(trouble)
        proxy.plan = lambda _method, _request: PASS
        await asyncio.to_thread(mended)
    finally:
        await asyncio.to_thread(process.kill)
    await assert_holds(emulator, project, FIRST)


def sink_state(process: Process) -> str:
    return str(json.loads(process.admin("/readyz"))["sink"]["state"])


def test_without_credentials_it_starts_and_says_so(tmp_path: Path) -> None:
    """It journals, and picks credentials up when they come: here they are malformed at first."""
    process = persister(tmp_path, *FLAGS, "--firestore-part-writes", "5")
    key = tmp_path / "key.json"
    process.environment.update(
        GOOGLE_APPLICATION_CREDENTIALS=str(key), NO_GCE_CHECK="true", FIRESTORE_EMULATOR_HOST=""
    )
    with process:
        record(process, "one", FIRST, wait=False)
        eventually(lambda: "was not found" in process.admin("/readyz"))
        assert "GOOGLE_APPLICATION_CREDENTIALS" in process.admin("/readyz")
        assert '"ready": true' in process.admin("/readyz")
        key.write_text("{}")
        eventually(lambda: "was not found" not in process.admin("/readyz"))
        assert sink_state(process) == "permanent error"
        assert process.terminate() == 0


async def test_a_copied_journal_is_refused(emulator: str, tmp_path: Path) -> None:
    """Restored from a backup, it would count again: it ends and says what to do."""
    process = firestore_persister(tmp_path / "first", emulator, "copied")
    copy = firestore_persister(tmp_path / "copy", emulator, "copied")

    def live() -> None:
        with process:
            record(process, "one", FIRST)
            assert process.terminate() == 0
            shutil.copytree(tmp_path / "first" / "data", tmp_path / "copy" / "data")
            process.start()
            record(process, "two", SECOND)
            copy.launch()
            assert copy.wait_exit() == 2
            reason = copy.events("stopped")[-1]["reason"]
            assert "older than the sink" in reason
            assert "--data-dir" in reason

    await asyncio.to_thread(live)
    await assert_holds(emulator, "copied", [*FIRST, *SECOND])


async def test_living_copies_do_not_both_count(emulator: str, tmp_path: Path) -> None:
    """Of two that run at the same time the second to flush is stopped by the mark."""
    process = firestore_persister(tmp_path / "first", emulator, "twice")
    copy = firestore_persister(tmp_path / "copy", emulator, "twice")

    def live() -> None:
        with process:
            record(process, "one", FIRST)
            assert process.terminate() == 0
            shutil.copytree(tmp_path / "first" / "data", tmp_path / "copy" / "data")
            process.start()
            with copy:
                record(process, "two", SECOND)
                record(copy, "three", THIRD, wait=False)
                assert copy.wait_exit() == 2
                assert "copy of this journal" in copy.events("stopped")[-1]["reason"]

    await asyncio.to_thread(live)
    await assert_holds(emulator, "twice", [*FIRST, *SECOND])


async def test_an_emptied_store_is_refused_and_a_fresh_journal_works(
    emulator: str, tmp_path: Path
) -> None:
    """A journal fills no other store than its own; a new one may stand beside old tallies."""
    process = firestore_persister(tmp_path / "first", emulator, "before")
    fresh = firestore_persister(tmp_path / "fresh", emulator, "before")

    def live() -> None:
        with process:
            record(process, "one", FIRST)
            assert process.terminate() == 0
            process.environment["GOOGLE_CLOUD_PROJECT"] = "elsewhere"
            process.launch()
            assert process.wait_exit() == 2
            assert "sink lacks flushes" in process.events("stopped")[-1]["reason"]
        with fresh:
            record(fresh, "one", SECOND)
            assert fresh.terminate() == 0

    await asyncio.to_thread(live)
    await assert_holds(emulator, "before", [*FIRST, *SECOND])


async def test_the_end_moves_what_is_there(emulator: str, tmp_path: Path) -> None:
    """SIGTERM flushes long before the age; exit code 0."""
    process = firestore_persister(tmp_path, emulator, "ended")
    process.arguments += ["--flush-age", "3600", "--drain", "50"]

    def live() -> None:
        with process:
            record(process, "one", FIRST, wait=False)
            assert process.terminate() == 0

    await asyncio.to_thread(live)
    await assert_holds(emulator, "ended", FIRST)


async def test_newstally_up(emulator: str, tmp_path: Path) -> None:
    """`newstally up --sink firestore` is all it takes: articles end up in Firestore, once."""
    sent = make_articles(40)
    command = [
        *(sys.executable, "-m", "newstally", "up", "--data", str(tmp_path / "data")),
        *("--port", "0", "--sink", "firestore", "--engine", RULES, "--flush-age", "0.2"),
    ]
    environment = {
        **os.environ,
        "FIRESTORE_EMULATOR_HOST": emulator,
        "GOOGLE_CLOUD_PROJECT": "up",
        "PYTHONPATH": f"{REPOSITORY / 'tests'}:{os.environ.get('PYTHONPATH', '')}",
    }
    up = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL, env=environment
    )
    try:
        assert up.stdout is not None
        async with asyncio.timeout(240):
            line = (await up.stdout.readline()).decode()
            ready = re.search(r"gateway ([\w.:\[\]-]+:\d+)", line)
            assert ready
            async with NewstallyClient(ready[1]) as client:
                summary = await client.upload(sent)
                await client.wait_applied(summary.upload_id)
            await assert_counted_once(ready[1], sent)
            up.send_signal(signal.SIGTERM)
            assert await up.wait() == 0
    finally:
        if up.returncode is None:
            up.kill()
            await up.wait()
    async with Store(emulator, "up") as store:
        found = await store.tallies()
    by_name = {name.casefold(): total for name, total in totals(sent).items()}
    assert {key for key, *_ in found} == set(by_name)
    assert all(found[key, "", "", "articles"] == each.articles for key, each in by_name.items())
