"""A persister whose data directory is a small file system that fills up."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from unit.persister.building import Article, recount
from unit.persister.calling import Caller, persister

DISK_BYTES = 24 * 1024 * 1024
HEADROOM = ("--journal-headroom-bytes", str(16 * 1024 * 1024))
LONG = ("--flush-age", "3600", "--flush-window", "3600")
HOLDER = """
mount -t tmpfs -o "size=$1" newstally-test "$2" && echo mounted || exit
cat
umount "$2" || { umount --lazy "$2"; exit 1; }
"""
"""Holds a file system until its input ends, which it does however the test ends."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MiB at tmp_path/data; it outlives the processes of the test."""
    with mounted(tmp_path / "data", DISK_BYTES) as place:
        yield place


@contextlib.contextmanager
def mounted(place: Path, size_bytes: int) -> Iterator[Path]:
    """Make a file system; skip the test where this user may not."""
    place.mkdir()
    with subprocess.Popen(
        ["sh", "-c", HOLDER, "sh", str(size_bytes), str(place)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "mounted\n":
            pytest.skip(f"a file system cannot be mounted here: {holder.stderr.read().strip()}")
        try:
            yield place
        finally:
            holder.stdin.close()
            assert holder.wait() == 0, holder.stderr.read()


def room(disk: Path) -> int:
    """Return how many bytes the disk has left."""
    free = os.statvfs(disk)
    return free.f_bavail * free.f_frsize


def articles(first: int, number: int) -> list[Article]:
    """Return articles that mention what no other does, so that the journal grows quickly."""
    return [
        ("Post", [(f"{offset} {n} {'x' * 400}", "P") for n in range(20)])
        for offset in range(first, first + number)
    ]


def test_intake_waits_before_the_disk_is_full(tmp_path: Path, disk: Path) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo while there is headroom left, and the flush still fits."""
    sent: list[Article] = []
    elsewhere = ("--sqlite-path", str(tmp_path / "tallies.db"))
    with (
        persister(tmp_path, *HEADROOM, *LONG, *elsewhere) as process,
        Caller(process.address) as caller,
    ):
        caller.create("u")
        with pytest.raises(grpc.RpcError) as caught:  # noqa: PT012 - until intake waits
            while len(sent) < 5_000:
                batch = articles(len(sent), 20)
                assert caller.record("u", len(sent), batch).next_offset == len(sent) + 20
                sent += batch
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "RetryInfo" in str(caught.value.trailing_metadata())  # the way to wait, not to fail
        assert room(disk) > 8 * 1024 * 1024
        assert process.running
        # The last flush, at SIGTERM, empties a journal that takes nothing in any more.
        assert process.terminate() == 0
        process.start()
        assert caller.upload("u").applied_offset == len(sent)
        assert caller.everything() == recount(sent)
        # The file keeps its size. Its free pages are room all the same, also where the disk's own
        # room has shrunk below the headroom.
        (disk / "somebody-elses").write_bytes(b"\0" * (room(disk) - 14 * 1024 * 1024))
        caller.insist("u", len(sent), [("Post", [])])
        sent.append(("Post", []))
        for _ in range(3):
            batch = articles(len(sent), 20)
            assert caller.record("u", len(sent), batch).next_offset == len(sent) + 20
            sent += batch


def test_a_disk_that_somebody_else_fills_ends_it_and_loses_nothing(
    tmp_path: Path, disk: Path
) -> None:
    """Not a byte is left: it waits or ends with the remedy; with room again, all is there once."""
    sent = articles(0, 100)
    filler = disk / "somebody-elses"
    with persister(tmp_path, *HEADROOM, *LONG) as process, Caller(process.address) as caller:
        caller.create("u")
        assert caller.record("u", 0, sent).next_offset == 100
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
            while True:
                out.write(b"\0" * 4096)
        # What the journal's files still have room for without growing may be recorded.
        settled = 100
        code: grpc.StatusCode | None = None
        while code is not grpc.StatusCode.UNAVAILABLE and settled < 5_000:
            batch = articles(settled, 20)
            try:
                settled = caller.record("u", settled, batch).next_offset
            except grpc.RpcError as error:
                code = error.code()
                if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
                    break
            else:
                sent += batch
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            assert process.running
            process.terminate()
        else:
            assert process.wait_exit() == 1
            assert "Check its disk" in process.events("stopped")[-1]["reason"]
        filler.unlink()
        process.start()
        upload = caller.upload("u")
        assert upload.next_offset in (settled, settled + 20)
        process.terminate()
        process.start()
        if upload.next_offset > settled:
            sent += articles(settled, 20)
        assert caller.everything() == recount(sent)


def test_a_full_disk_at_the_start_is_no_damage(tmp_path: Path, disk: Path) -> None:
    """It ends with the code that asks for another start, and says to leave the directory alone."""
    sent = articles(0, 50)
    filler = disk / "somebody-elses"
    with persister(tmp_path, *HEADROOM, *LONG) as process, Caller(process.address) as caller:
        caller.create("u")
        caller.record("u", 0, sent)
        process.kill()
        (disk / "journal.db-shm").unlink()  # SQLite makes it anew, and there is no room for it
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
            while True:
                out.write(b"\0" * 4096)
        process.launch()
        assert process.wait_exit() == 1
        reason = process.events("cannot start")[-1]["reason"]
        assert "Leave the data directory as it is" in reason
        assert "empty" not in reason
        filler.unlink()
        process.start()
        assert caller.upload("u").next_offset == 50
        process.terminate()
        process.start()
        assert caller.everything() == recount(sent)


def test_a_full_journal_drains_into_a_sink_on_the_same_disk(tmp_path: Path) -> None:
    """The headroom covers what the tallies take there: nothing is stuck, and nothing ends."""
    sent: list[Article] = []
    with (
        mounted(tmp_path / "data", 80 * 1024 * 1024) as disk,
        persister(tmp_path, *HEADROOM, *LONG) as process,
        Caller(process.address) as caller,
    ):
        caller.create("u")
        with pytest.raises(grpc.RpcError) as caught:  # noqa: PT012 - until intake waits
            while len(sent) < 5_000:
                batch = articles(len(sent), 20)
                assert caller.record("u", len(sent), batch).next_offset == len(sent) + 20
                sent += batch
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert len(sent) > 400
        assert process.terminate(60) == 0
        assert room(disk) > 8 * 1024 * 1024
        process.start()
        assert caller.upload("u").applied_offset == len(sent)
        assert caller.everything() == recount(sent)
