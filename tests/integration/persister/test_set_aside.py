"""Rows that the sink refuses, in real processes: everything else goes on, and they are not lost."""

import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from newstally_persister import failpoints
from support.processes import Process, eventually
from unit.persister.building import Article, Tallies, recount
from unit.persister.calling import Caller, persister

FAST = ("--flush-age", "0.02")
FIRST: list[Article] = [("Post", [("harmless", "P")])]
BAD: list[Article] = [
    *(("Post", [(f"e{n}", "P"), ("bad \x1b[31m", "P")]) for n in range(6)),
    ("Post", [("worse", "O")]),
]
MISSING: Tallies = Tallies(
    {
        ("post", "bad \x1b[31m", "P", "mentions"): 6,
        ("post", "bad \x1b[31m", "P", "articles"): 6,
        ("post", "worse", "O", "mentions"): 1,
        ("post", "worse", "O", "articles"): 1,
    }
)
REFUSE = """CREATE TRIGGER refuse BEFORE INSERT ON entity_names
    WHEN NEW.text LIKE 'bad%' OR NEW.text = 'worse'
    BEGIN SELECT RAISE(ABORT, 'not this one'); END"""


def execute(directory: Path, statement: str) -> None:
    with closing(sqlite3.connect(directory / "data" / "tallies.db", timeout=30)) as connection:
        connection.execute(statement)
        connection.commit()


def refusing(directory: Path) -> Process:
    """Return a persister whose sink has begun to refuse two entities; it does not run."""
    process = persister(directory, *FAST)
    with process, Caller(process.address) as caller:
        caller.create("u")
        caller.record("u", 0, FIRST)
        caller.until_applied("u")
        assert process.terminate() == 0
    execute(directory, REFUSE)
    return process


def command(process: Process, *flags: str) -> "subprocess.CompletedProcess[str]":
    arguments = ("set-aside", *flags, "--target", process.address)
    return subprocess.run(
        [sys.executable, "-m", "newstally_persister", *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )


def test_what_the_sink_refuses_is_shown_and_tried_again_on_command(tmp_path: Path) -> None:
    """Metric, /readyz, log, list, GetUpload; the rest is applied; in the end all of it is."""
    process = refusing(tmp_path)
    with process, Caller(process.address) as caller:
        caller.record("u", 1, BAD)
        caller.until_applied("u")
        assert caller.everything() == recount([*FIRST, *BAD]) - MISSING
        assert caller.upload("u").set_aside_rows == 2
        assert process.metric("newstally_persister_set_aside_rows") == 2
        shown = json.loads(process.admin("/readyz"))
        assert shown["ready"]
        assert shown["sink"]["set_aside_rows"] == 2
        assert "newstally-persister set-aside" in shown["sink"]["set_aside_remedy"]
        eventually(lambda: len(process.events("row set aside")) >= 2, what="both are told")
        logged = [(each["publication"], each["label"]) for each in process.events("row set aside")]
        assert sorted(logged) == [("Post", "O"), ("Post", "P")]

        caller.record("u", 8, [("Post", [("worse", "O")])])
        caller.until_applied("u")
        listed = command(process).stdout
        assert "\x1b" not in listed
        rows = [json.loads(line) for line in listed.splitlines()]
        assert [(row["text"], row["mentions"]) for row in rows] == [
            ("bad \x1b[31m", 6),
            ("worse", 2),
        ]

        execute(tmp_path, "DROP TRIGGER refuse")
        assert "2 rows" in command(process, "--retry").stderr
        expected = recount([*FIRST, *BAD, ("Post", [("worse", "O")])])
        eventually(lambda: caller.everything() == expected, what="everything applied")
        assert caller.upload("u").set_aside_rows == 0
        assert command(process).stdout == ""


@pytest.mark.parametrize(
    "step",
    [
        "before-tombstone",
        "before-tombstone:3",
        "after-tombstone",
        "after-tombstone:4",
        "before-replanning",
        "before-replanning:5",
        "after-replanning",
        "after-replanning:2",
    ],
)
def test_killed_at_a_step_of_voiding(step: str, tmp_path: Path) -> None:
    """kill -9 there; the next start goes on: the recount is equal but for what is set aside."""
    process = refusing(tmp_path)
    process.environment[failpoints.VARIABLE] = step
    process.start()
    with process, Caller(process.address) as caller:
        caller.give("u", 1, BAD)
        assert process.wait_exit() == -signal.SIGKILL
        del process.environment[failpoints.VARIABLE]
        process.start()
        caller.until_applied("u")
        assert caller.everything() == recount([*FIRST, *BAD]) - MISSING
        assert caller.upload("u").set_aside_rows == 2
        execute(tmp_path, "DROP TRIGGER refuse")
        command(process, "--retry")
        eventually(lambda: caller.everything() == recount([*FIRST, *BAD]), what="all applied")
