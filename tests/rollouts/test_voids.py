"""A flush with a part that the sink refused, between this release and the one before."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import grpc
import pytest
from newstally_protos.v1 import set_aside_pb2, set_aside_pb2_grpc
from rollouts.test_mixed_versions import (
    previous,  # noqa: F401 - a fixture
    sources,
)
from rollouts.test_stores import SOON, Upload, articles, running
from support.processes import REPOSITORY, Process, eventually
from unit.persister.building import Tallies, recount

BAD = "town 55"
MISSING: Tallies = Tallies(
    {("daily 55", BAD, "GPE", "mentions"): 1, ("daily 55", BAD, "GPE", "articles"): 1}
)
REFUSE = f"""CREATE TRIGGER refuse BEFORE INSERT ON entities WHEN NEW.text = '{BAD}'
    BEGIN SELECT RAISE(ABORT, 'not this one'); END"""


def execute(directory: Path, statement: str) -> None:
    path = directory / "data" / "tallies.db"
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        connection.execute(statement)
        connection.commit()


@pytest.mark.slow
def test_the_release_before_waits_for_the_flush_and_goes_on(previous: Path, tmp_path: Path) -> None:  # noqa: F811
    """It refuses the journal while the flush is open, and afterwards leaves alone what is aside."""
    upload = Upload()
    with running(previous, tmp_path, *SOON) as (_, caller):
        assert upload.go_on(caller, 50) == recount(upload.sent)
    execute(tmp_path, REFUSE)
    killed = {"NEWSTALLY_FAIL_POINT": "after-tombstone"}
    with running(REPOSITORY, tmp_path, *SOON, variables=killed) as (process, caller):
        more = articles(50, 20)
        caller.give("u", 50, more)
        upload.sent += more
        assert process.wait_exit() == -signal.SIGKILL
    refused = Process(
        "newstally_persister",
        ["--data-dir", str(tmp_path / "data")],
        tmp_path / "refused",
        {"PYTHONPATH": sources(previous)},
    )
    refused.launch()
    assert refused.wait_exit() == 2
    assert "start the release that wrote it" in refused.events("cannot start")[-1]["reason"]

    with running(REPOSITORY, tmp_path, *SOON) as (_, caller):
        caller.until_applied("u")
        assert caller.everything() == recount(upload.sent) - MISSING
        assert caller.upload("u").set_aside_rows == 1
    with running(previous, tmp_path, *SOON) as (_, caller):
        assert upload.go_on(caller, 20) == recount(upload.sent) - MISSING
    execute(tmp_path, "DROP TRIGGER refuse")
    with (
        running(REPOSITORY, tmp_path, *SOON) as (process, caller),
        grpc.insecure_channel(process.address) as channel,
    ):
        stub = set_aside_pb2_grpc.SetAsideServiceStub(channel)
        request = set_aside_pb2.RetrySetAsideRowsRequest()
        assert stub.RetrySetAsideRows(request, timeout=10, wait_for_ready=True).rows == 1
        eventually(lambda: caller.everything() == recount(upload.sent), what="all applied")
