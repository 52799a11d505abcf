"""The persister: the real journal, group commit, and a process that can die at any statement."""

import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from newstally_gateway.core.clients.batches import Opened
from newstally_persister.journal.store import JournalStore
from newstally_persister.journal.tables import flushes, owned, set_aside
from newstally_persister.services.owners import Tokens
from newstally_persister.values.batches import Batch, read_batch
from newstally_persister.values.uploads import NewUpload, Recorded
from newstally_protos.v1.journal_pb2 import RecordBatchRequest
from simulation.disk import PowerCutError, is_full, new_disk
from simulation.flusher import Flusher
from simulation.kernel import Life
from simulation.network import Handler, Reply, Status

if TYPE_CHECKING:
    from simulation.world import World

OWNER = "anonymous"
JOURNAL_ID = "0123456789abcdef"


class Persister:
    """One process after the other on one disk."""

    store: JournalStore
    flusher: Flusher
    draining: bool

    def __init__(self, world: "World") -> None:
        self.world = world
        self.kernel = world.kernel
        self.disk = new_disk()
        self.life = Life()
        self.full_until = 0.0
        """While it is full, it takes no batches."""
        self.hangs_until = 0.0
        """While it hangs, it does nothing for those who call it; then it does all at once."""
        self.waiting: list[tuple[Batch, Reply]] = []
        self._begin()
        uploads = [NewUpload(upload_id, OWNER) for upload_id in world.uploads]
        self.store.create_uploads(uploads, self._micros())

    @property
    def idle(self) -> bool:
        """Whether everything recorded is applied, and every receipt was told to expire."""
        return (
            self.life.alive
            and not self.waiting
            and not self.store.run(flushes.has_unapplied)
            and self.store.run(flushes.open_flush) is None
            and self.store.run(flushes.expirable, 1) is None
            and self.store.run(set_aside.count) == 0
        )

    def start(self) -> None:
        """Begin a new process on what the last one left."""
        self.kernel.note("persister starts")
        self.run(self._begin)

    def die(self) -> None:
        """End the process; start another."""
        if not self.life.alive:
            return
        self.kernel.note("persister dies")
        self.life.end()
        self.disk.fuse = None
        if self.disk.in_transaction:
            self.disk.rollback()
        self.world.oracle.committed(self.disk)
        self.kernel.after(self.kernel.random.uniform(0.05, 2), self.world.life, self.start)

    def drain(self) -> None:
        """Take no batches, flush what there is, and end."""
        if self.life.alive and not self.draining:
            self.kernel.note("persister drains")
            self.draining = True
            self.flusher.finish()

    def look_after(self) -> None:
        """Let what is set aside be tried again, every now and then."""
        if self.life.alive and not self.draining:
            self.run(self.retry)
        self.kernel.after(3, self.world.life, self.look_after)

    def retry(self) -> None:
        """Let what is set aside be tried again."""
        rows = self.store.run(set_aside.retry)
        if rows:
            self.kernel.saw("what is set aside is tried again")
            self.flusher.recorded(rows)

    def run(self, action: Callable[..., None], *args: object) -> None:
        """Run what touches the disk; the process may die of it."""
        try:
            action(*args)
        except PowerCutError:
            self.kernel.saw("the persister dies at a statement")
            self.die()
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            self.kernel.saw("the journal's disk is full")
            self.die()
        else:
            self.world.oracle.committed(self.disk)

    def record_handler(self) -> Handler | None:
        """Return who serves RecordBatch now."""
        return self._record if self.life.alive and not self.draining else None

    def get_handler(self) -> Handler | None:
        """Return who serves GetUpload now."""
        return self._get if self.life.alive else None

    def open_handler(self) -> Handler | None:
        """Return who serves GetUpload for a stream now."""
        return self._open if self.life.alive else None

    def _begin(self) -> None:
        self.life = Life()
        self.waiting = []
        self.draining = False
        self.store = self.world.machines.store(self.disk, lambda: JOURNAL_ID)
        self.tokens = Tokens()
        self.tokens.begin(self.first_token())
        self.flusher = Flusher(self)

    def first_token(self) -> int:
        """Return where the tokens of a new process begin."""
        return self.store.run(owned.begin_epoch, int(self.kernel.now))

    def _open(self, upload_id: str, reply: Reply) -> None:
        def answer() -> None:
            upload = self.store.find_upload(upload_id, OWNER)
            assert upload is not None
            token = self.tokens.next()
            self.world.oracle.opened(token)
            reply((upload, Opened(upload.upload_id, token)))

        self.run(answer)

    def _get(self, upload_id: str, reply: Reply) -> None:
        self.run(lambda: reply(self.store.get_upload(upload_id)))

    def _record(self, request: RecordBatchRequest, reply: Reply) -> None:
        if self.kernel.now < self.hangs_until:
            self.kernel.saw("the persister hangs")
            self.kernel.at(self.hangs_until, self.life, self._record, request, reply)
            return
        if self.kernel.now < self.full_until:
            reply(Status.RESOURCE_EXHAUSTED)
            return
        self.waiting.append((read_batch(request), reply))
        if len(self.waiting) == 1:
            delay = self.kernel.random.uniform(0, 0.01)
            self.kernel.after(delay, self.life, self.run, self.commit)

    def commit(self) -> None:
        """Record all that waits in one transaction; answer afterwards."""
        group, self.waiting = self.waiting, []
        if len(group) > 1:
            self.kernel.saw("several batches in one transaction")
        answers = self.record([batch for batch, _ in group])
        delay = self.kernel.random.uniform(0, 0.005)
        self.kernel.after(delay, self.life, self.answer, [reply for _, reply in group], answers)

    def record(self, batches: list[Batch]) -> list[Recorded | None]:
        """Record batches in one transaction."""
        self.world.oracle.recording(batches)
        answers = self.store.record_batches(batches, self._micros())
        for batch, answer in zip(batches, answers, strict=True):
            if answer is not None and answer.recorded:
                self.flusher.recorded(batch.rows)
        return answers

    def answer(self, replies: list[Reply], answers: list[Recorded | None]) -> None:
        """Answer what was committed."""
        for reply, recorded in zip(replies, answers, strict=True):
            assert recorded is not None
            if recorded.fenced:
                self.kernel.saw("a batch of a stream that was taken over")
                reply(Status.FAILED_PRECONDITION)
                continue
            if not recorded.recorded:
                self.kernel.saw("a batch does not follow what is recorded")
            reply(recorded.upload)

    def completed(self) -> None:
        """Recount after a flush: the sink holds what is applied, and nothing else."""
        self.world.oracle.committed(self.disk)
        self.world.oracle.flushed(self.world.sink, self.disk)

    def _micros(self) -> int:
        return int(self.kernel.now * 1e6)
