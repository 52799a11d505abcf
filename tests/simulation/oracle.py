"""Watches every step, and recounts at the end."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from newstally_gateway.core.tasks import Attempt, Window
from newstally_persister.journal.store import JournalStore
from newstally_persister.values.batches import Batch
from simulation.corpus import SPELLINGS, Sample, Tally, by_day, recount
from simulation.disk import Disk
from simulation.kernel import ViolationError

if TYPE_CHECKING:
    from simulation.sink import Sink


_ROWS = "SELECT publication_key, text, label, mentions, articles FROM "
_DAYS = "SELECT publication_key, text, label, day, mentions, articles FROM "
WAITING = (
    _ROWS + "pending",
    "SELECT publication_key, text, label, day, day_mentions, day_articles "
    "FROM pending JOIN usual_days USING (flush) WHERE day_articles > 0 UNION ALL "
    f"{_DAYS} pending_days",
)
SET_ASIDE = (_ROWS + "set_aside", _DAYS + "set_aside_days")


class Oracle:
    """Knows what was sent and what each article's verdict must be; counts one by one."""

    def __init__(self, uploads: Mapping[str, Sequence[Sequence[Sample]]]) -> None:
        """`uploads`: for each its possible contents, of one length."""
        self.uploads = uploads
        self.contents: dict[str, list[Sample]] = {upload_id: [] for upload_id in uploads}
        """What was recorded, article by article."""
        self.durable = dict.fromkeys(uploads, 0)
        """What the disk holds, committed."""
        self._recording: Sequence[Batch] = ()
        self.applied = dict.fromkeys(uploads, 0)
        self._tokens = dict.fromkeys(uploads, 0)
        """The highest that a batch came with, as the disk has it."""
        self._opened = 0
        self._refused = False
        """Whether a row was ever set aside."""
        self._looked_at = 0
        self._acknowledged: dict[tuple[str, str], int] = {}
        self._deaths: dict[Hashable, list[str]] = {}
        self._suspected: set[Hashable] = set()

    def recording(self, batches: Sequence[Batch]) -> None:
        """See batches go into a transaction, which may be committed, or not."""
        self._recording = batches

    def committed(self, disk: Disk) -> None:
        """Look at what the journal holds now, after a transaction or a crash."""
        if disk.total_changes == self._looked_at:
            return
        self._looked_at = disk.total_changes
        self._refused = self._refused or bool(_tally(disk, SET_ASIDE))
        rows = disk.peek(
            "SELECT upload_id, next_offset, applied_offset, counted, refused FROM uploads"
        )
        for upload_id, next_offset, applied, counted, refused in rows:
            check(
                counted + refused == next_offset,
                "%s: %s + %s are not %s",
                *(upload_id, counted, refused, next_offset),
            )
            check(applied <= next_offset, "%s: applied %s > %s", upload_id, applied, next_offset)
            check(applied >= self.applied[upload_id], "%s: applied went back", upload_id)
            if next_offset != self.durable[upload_id]:
                self._moved(upload_id, next_offset)
            self.applied[upload_id] = applied
        for upload_id, token in disk.peek("SELECT upload_id, token FROM tokens"):
            highest = self._tokens[upload_id]
            check(token >= highest, "%s: its token goes back to %s", upload_id, token)
            self._tokens[upload_id] = token

    def _moved(self, upload_id: str, next_offset: int) -> None:
        """See what is recorded of an upload move on, by the batches that follow."""
        contents = self.contents[upload_id]
        highest = self._tokens[upload_id]
        for batch in self._recording:
            if batch.upload_id != upload_id or batch.token < highest:
                continue  # another's, or its stream was overtaken
            highest = batch.token
            if batch.first_offset == len(contents):
                check(batch.token > 0, "%s: a batch of no stream", upload_id)
                contents += self._identify(batch)
        self.durable[upload_id] = len(contents)
        check(
            next_offset == len(contents),
            "%s: %s are recorded, and %s batches make that %s",
            *(upload_id, next_offset, len(self._recording), len(contents)),
        )

    def _identify(self, batch: Batch) -> Sequence[Sample]:
        """Return the articles that a batch is made of: all of one client's contents."""
        for contents in self.uploads[batch.upload_id]:
            samples = contents[batch.first_offset : batch.end_offset]
            if is_made_of(batch, samples):
                return samples
        raise ViolationError(f"{batch} is made of nobody's articles")

    def opened(self, token: int) -> None:
        """See a stream get its token: the later one takes over, so it is higher than all before."""
        check(token > self._opened, "token %s comes after %s", token, self._opened)
        self._opened = token

    def acknowledged(self, client: str, upload_id: str, next_offset: int) -> None:
        """Hear what a client was told: recorded, and never less than before."""
        durable = self.durable[upload_id]
        check(
            next_offset <= durable,
            "%s was told %s of %s, but only %s are recorded",
            *(client, next_offset, upload_id, durable),
        )
        before = self._acknowledged.get((client, upload_id), 0)
        check(next_offset >= before, "%s was told %s after %s", client, next_offset, before)
        self._acknowledged[client, upload_id] = next_offset

    def sent(
        self,
        link: str,
        window: Window,
        held: Mapping[int, Attempt],
        article: Hashable,
        attempt: Attempt,
    ) -> None:
        """See an attempt go out on a link that holds `held`, itself included."""
        size = sum(held.task.size_bytes for held in held.values())
        check(len(held) <= max(1, window.articles), "%s has %s articles", link, len(held))
        check(
            size <= window.size_bytes or len(held) == 1,
            "%s has %s bytes in a window of %s",
            *(link, size, window.size_bytes),
        )
        check(
            attempt.alone == (article in self._suspected),
            "%s gets %s, alone=%s",
            *(link, attempt.task.offset, attempt.alone),
        )
        alone = sum(other.alone for other in held.values())
        check(alone <= 1, "%s has %s suspects", link, alone)

    def suspected(self, article: Hashable) -> None:
        """See an article's replica break while it worked on that article, and maybe others."""
        self._suspected.add(article)

    def died_alone(self, article: Hashable, instance_id: str) -> None:
        """See an article's replica break while it worked on that article alone."""
        self._deaths.setdefault(article, []).append(instance_id)

    def poisoned(self, article: Hashable) -> None:
        """See an article be given up."""
        deaths = self._deaths.get(article, [])
        check(len(deaths) >= 2, "%s is given up after %s deaths alone", article, len(deaths))

    def flushed(self, sink: "Sink", disk: Disk) -> None:
        """Recount when no flush is open: what is settled is in the sink, set aside, or waits.

        While nothing was ever set aside, the sink alone holds what is applied.
        """
        counted = self.durable if self._refused else self.applied
        expected: Tally = Counter()
        for upload_id, contents in self.contents.items():
            expected += recount(contents[: counted[upload_id]])
        found = sink.tally()
        if self._refused:
            found.update(_tally(disk, SET_ASIDE))
            found.update(_tally(disk, WAITING))
            found = Counter({key: number for key, number in found.items() if number})
        if found != expected:
            wrong = {
                key: (found[key], expected[key])
                for key in sorted({*found, *expected}, key=str)
                if found[key] != expected[key]
            }
            raise ViolationError(f"the sink differs (is, must be): {wrong}")

    def recount(self, store: JournalStore, sink: "Sink", disk: Disk) -> None:
        """Recount everything when all is settled and applied."""
        self.flushed(sink, disk)
        check(not _tally(disk, WAITING), "rows wait")
        for key, name in sink.names().items():
            check(name in {s.strip() for s in SPELLINGS[key]}, "%r is shown as %r", key, name)
        for upload_id, samples in self.contents.items():
            check(len(samples) == len(self.uploads[upload_id][0]), "%s is not settled", upload_id)
            upload = store.get_upload(upload_id)
            assert upload is not None
            check(upload.next_offset == len(samples), "%s is not settled", upload_id)
            check(upload.applied_offset == len(samples), "%s is not applied", upload_id)
            refusals = {
                offset: sample.reason
                for offset, sample in enumerate(samples)
                if sample.reason is not None
            }
            found = {r.offset: r.reason for r in store.list_refusals(upload_id, -1, 1_000)}
            check(found == refusals, "%s: refused %s, must be %s", upload_id, found, refusals)
            mentions = sum(sum(sample.entities.values()) for sample in samples)
            check(upload.mentions == mentions, "%s: %s mentions", upload_id, upload.mentions)


def is_made_of(batch: Batch, samples: Sequence[Sample]) -> bool:
    """Return whether a batch says what a plain recount of the articles says."""
    refused = {
        batch.first_offset + number: sample.reason
        for number, sample in enumerate(samples)
        if sample.reason is not None
    }
    if refused != {refusal.offset: refusal.reason for refusal in batch.refusals}:
        return False
    tally = by_day(
        [(*row, *counts) for row, counts in batch.tallies.items()],
        [
            (*row, day, *counts)
            for day, tallies in batch.days.items()
            for row, counts in tallies.items()
        ],
    )
    return tally == recount(samples)


def _tally(disk: Disk, queries: tuple[str, str]) -> Tally:
    """Add up rows of the journal, and their days."""
    rows, dated = map(disk.peek, queries)
    return by_day(rows, dated)


def check(holds: bool, template: str, *args: object) -> None:
    """Raise ViolationError unless it holds."""
    if not holds:
        raise ViolationError(template % args)
