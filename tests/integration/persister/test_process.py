"""A real persister that is killed, restored, copied and starved; then a plain recount."""

import random
import resource
import shutil
import threading
import time
from functools import partial
from pathlib import Path

import grpc
import pytest
from newstally_protos.v1 import tally_pb2
from support.processes import Process, eventually
from unit.persister.building import Article, recount
from unit.persister.calling import SECONDS, Caller, persister

FAST = ("--flush-age", "0.02")
NEVER = ("--flush-age", "3600")


def articles(seed: int, number: int) -> list[Article]:
    """Return some articles, always the same for a seed."""
    draw = random.Random(seed)
    return [
        None
        if draw.random() < 0.1
        else (
            draw.choice(["The Times", "the  times", "Post"]),
            [(f"e{int(draw.paretovariate(0.7)) % 500}", draw.choice("PO")) for _ in range(8)],
        )
        for _ in range(number)
    ]


class Feeder(threading.Thread):
    """A gateway that records an upload batch by batch, each until it is answered."""

    def __init__(self, address: str, upload_id: str, sent: list[Article], size: int) -> None:
        super().__init__(name=f"feeder-{upload_id}")
        self.upload_id = upload_id
        self.sent = sent
        self.recorded = 0
        self.failure: Exception | None = None
        self._address = address
        self._size = size

    def run(self) -> None:
        try:
            with Caller(self._address) as caller:
                while self.recorded < len(self.sent):
                    end = self.recorded + self._size
                    batch = self.sent[self.recorded : end]
                    assert caller.insist(self.upload_id, self.recorded, batch).next_offset == end
                    self.recorded = end
        except Exception as error:
            self.failure = error
            raise


def test_killed_again_and_again_it_counts_exactly_once(tmp_path: Path) -> None:
    """Whatever was answered is there after kill -9, and the recount is equal."""
    number = 300
    with persister(tmp_path, *FAST) as process, Caller(process.address) as caller:
        feeders = [
            Feeder(process.address, name, articles(seed, number), size=5)
            for seed, name in enumerate(("a", "b"))
        ]
        for feeder in feeders:
            caller.create(feeder.upload_id)
            feeder.start()
        kill_at_random_moments(process, caller, feeders, number)
        for feeder in feeders:
            feeder.join(120)
            assert not feeder.is_alive()
            assert feeder.failure is None
            caller.until_applied(feeder.upload_id)
            upload = caller.upload(feeder.upload_id)
            assert upload.next_offset == number == upload.counted + upload.refused
            assert upload.refused == feeder.sent.count(None)
        assert caller.everything() == recount([*feeders[0].sent, *feeders[1].sent])
        assert process.terminate() == 0


def kill_at_random_moments(
    process: Process, caller: Caller, feeders: list[Feeder], number: int
) -> None:
    """kill -9 in each fifth of the way; what was answered before is there after."""
    draw = random.Random(7)

    def reached(goal: float) -> bool:
        return all(feeder.recorded >= goal or feeder.failure for feeder in feeders)

    for kill in range(1, 5):
        eventually(partial(reached, kill * number / 5), seconds=120)
        time.sleep(draw.random() * 0.05)
        process.kill()
        answered = {feeder.upload_id: feeder.recorded for feeder in feeders}
        process.start()
        for upload_id, offset in answered.items():
            assert caller.upload(upload_id).next_offset >= offset


def test_sigterm_moves_what_is_there_to_the_sink(tmp_path: Path) -> None:
    """A clean end flushes, long before its age; exit code 0, and no file is left open."""
    sent = articles(1, 20)
    with persister(tmp_path, *NEVER) as process, Caller(process.address) as caller:
        caller.create("u")
        caller.record("u", 0, sent)
        assert process.terminate() == 0
        assert not (tmp_path / "data" / "journal.db-wal").exists()
        process.start()
        upload = caller.upload("u")
        assert upload.applied_offset == upload.next_offset == 20
        assert caller.everything() == recount(sent)


def test_a_broken_sink_stops_nothing_but_itself(tmp_path: Path) -> None:
    """Intake goes on, /readyz names the remedy, reads are UNAVAILABLE; mended, all is applied."""
    foreign = tmp_path / "tallies.db"
    foreign.write_bytes(b"not a database at all " * 100)
    sent = articles(2, 40)
    with (
        persister(tmp_path, *FAST, "--sqlite-path", str(foreign)) as process,
        Caller(process.address) as caller,
    ):
        caller.create("u")
        caller.record("u", 0, sent[:20])
        eventually(lambda: '"state": "permanent error"' in process.admin("/readyz"))
        assert "move this file away" in process.admin("/readyz")
        assert '"ready": true' in process.admin("/readyz")
        assert process.metric("newstally_persister_sink_trouble", kind="permanent") == 1
        eventually(lambda: process.events("sink failed"), what="it is told")
        assert len(process.events("sink failed")) == 1
        with pytest.raises(grpc.RpcError) as caught:
            caller.tallies.ListPublications(tally_pb2.ListPublicationsRequest(), timeout=SECONDS)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert caller.record("u", 20, sent[20:]).next_offset == 40
        assert caller.upload("u").applied_offset == 0
        foreign.rename(tmp_path / "moved-away")
        eventually(lambda: caller.upload("u").applied_offset == 40)
        assert caller.everything() == recount(sent)
        eventually(lambda: process.events("sink works again"), what="it is told")
        assert process.metric("newstally_persister_sink_trouble", kind="permanent") == 0


def test_a_full_journal_tells_to_wait_and_goes_on(tmp_path: Path) -> None:
    """RESOURCE_EXHAUSTED with RetryInfo while the sink is away; then everything arrives once."""
    foreign = tmp_path / "tallies.db"
    foreign.write_bytes(b"not a database at all " * 100)
    flags = (
        *FAST,
        *("--sqlite-path", str(foreign)),
        *("--journal-max-bytes", "36000000", "--journal-headroom-bytes", "17000000"),
    )
    sent: list[Article] = [("Post", [(f"{n} " + "x" * 4_000, "P")] * 2) for n in range(6_000)]
    with persister(tmp_path, *flags) as process, Caller(process.address) as caller:
        caller.create("u")
        first = 0
        with pytest.raises(grpc.RpcError) as caught:  # noqa: PT012 - until it is full
            while True:
                first = caller.record("u", first, sent[first : first + 200]).next_offset
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "--journal-max-bytes" in (caught.value.details() or "")
        assert "grpc-status-details-bin" in str(caught.value.trailing_metadata())
        assert "waits" in process.admin("/readyz")
        assert 0 < first < 6_000
        foreign.rename(tmp_path / "moved-away")
        while first < 6_000:
            first = caller.insist("u", first, sent[first : first + 200]).next_offset
        caller.until_applied("u")
        assert caller.everything() == recount(sent)


def test_a_disk_that_is_full_ends_it_and_loses_nothing(tmp_path: Path) -> None:
    """No guess is answered: exit code 1 with the remedy; after that, all that was answered."""
    sent = articles(3, 4_000)
    with persister(tmp_path, *NEVER) as process, Caller(process.address) as caller:
        caller.create("u")
        settled = caller.record("u", 0, sent[:50]).next_offset
        # Any file this process writes ends here: its write-ahead log, soon.
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (400_000, 400_000))
        with pytest.raises(grpc.RpcError) as caught:  # noqa: PT012 - until it is full
            while settled < len(sent):
                settled = caller.record("u", settled, sent[settled : settled + 50]).next_offset
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        assert process.wait_exit() == 1
        assert "Check its disk" in process.events("stopped")[-1]["reason"]
        process.start()
        upload = caller.upload("u")
        assert upload.next_offset in (settled, settled + 50)
        process.terminate()
        process.start()
        assert caller.everything() == recount(sent[: upload.next_offset])


def test_a_second_persister_on_the_directory_is_told_so(tmp_path: Path) -> None:
    """It ends at once with the holder's process id and the remedy; the first goes on."""
    with persister(tmp_path) as first, Caller(first.address) as caller:
        second = persister(tmp_path)
        second.launch()
        assert second.wait_exit() == 2
        reason = second.events("cannot start")[-1]["reason"]
        assert f"process {first.pid}" in reason
        assert "--data-dir" in reason
        caller.create("u")


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    """It ends at once with the file and the remedy, and does not begin a new journal."""
    (tmp_path / "data").mkdir()
    damaged = tmp_path / "data" / "journal.db"
    damaged.write_bytes(b"\x00damaged" * 1_000)
    process = persister(tmp_path)
    process.launch()
    assert process.wait_exit() == 2
    assert str(damaged) in process.events("cannot start")[-1]["reason"]
    assert damaged.read_bytes() == b"\x00damaged" * 1_000


def test_a_copied_journal_is_refused(tmp_path: Path) -> None:
    """A journal that the sink has left behind must not go on: its articles would count twice."""
    shared = ("--sqlite-path", str(tmp_path / "tallies.db"))
    with (
        persister(tmp_path / "first", *FAST, *shared) as process,
        Caller(process.address) as caller,
    ):
        caller.create("u")
        caller.record("u", 0, articles(4, 10))
        caller.until_applied("u")
        assert process.terminate() == 0
        shutil.copytree(tmp_path / "first" / "data", tmp_path / "copy" / "data")
        process.start()
        caller.record("u", 10, articles(5, 10))
        caller.until_applied("u")
        before = caller.everything()
        copy = persister(tmp_path / "copy", *FAST, *shared)
        copy.launch()
        assert copy.wait_exit() == 2
        reason = copy.events("stopped")[-1]["reason"]
        assert "older than the sink" in reason
        assert "--data-dir" in reason
        assert caller.everything() == before


def test_two_living_copies_do_not_both_count(tmp_path: Path) -> None:
    """Copies that run at the same time: the second to flush is stopped by the sink."""
    shared = ("--sqlite-path", str(tmp_path / "tallies.db"))
    slow = ("--flush-age", "1", *shared)
    with persister(tmp_path / "first", *FAST, *shared) as process:
        with Caller(process.address) as caller:
            caller.create("u")
            caller.record("u", 0, articles(4, 10))
            caller.until_applied("u")
        assert process.terminate() == 0
        shutil.copytree(tmp_path / "first" / "data", tmp_path / "copy" / "data")
        process.start()
        copy = persister(tmp_path / "copy", *slow)
        with copy, Caller(process.address) as caller, Caller(copy.address) as other:
            # Then it has looked at the sink, and found it as it left it.
            eventually(lambda: other.publications().HasField("applied_time"), what="compared")
            sent = articles(5, 10)
            caller.record("u", 10, sent)
            caller.until_applied("u")
            other.record("u", 10, articles(6, 10))
            assert copy.wait_exit() == 2
            assert "copy of this journal" in copy.events("stopped")[-1]["reason"]
            assert caller.everything() == recount([*articles(4, 10), *sent])


def test_an_emptied_sink_is_refused(tmp_path: Path) -> None:
    """A journal does not silently fill another sink than the one it has written to."""
    with persister(tmp_path, *FAST) as process, Caller(process.address) as caller:
        caller.create("u")
        caller.record("u", 0, articles(4, 10))
        caller.until_applied("u")
        assert process.terminate() == 0
        for file in (tmp_path / "data").glob("tallies.db*"):
            file.unlink()
        process.launch()
        assert process.wait_exit() == 2
        assert "sink lacks flushes" in process.events("stopped")[-1]["reason"]


def test_wrong_settings_end_it_in_one_line(tmp_path: Path) -> None:
    """The line names the setting; the exit code is 2."""
    process = persister(tmp_path, "--journal-max-bytes", "1000")
    process.launch()
    assert process.wait_exit() == 2
    assert process.log_path.read_text().startswith("--journal-headroom-bytes ")
