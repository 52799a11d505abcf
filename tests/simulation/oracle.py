"""Watches every step, and recounts at the end."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from newstally_gateway.core.tasks import Attempt, Window
from newstally_persister.journal.store import JournalStore
from simulation.corpus import SPELLINGS, Sample, Tally, recount
from simulation.disk import Disk
from simulation.kernel import ViolationError

if TYPE_CHECKING:
    from simulation.sink import Sink


class Oracle:
    """Knows what was sent and what each article's verdict must be; counts one by one."""

    def __init__(self, uploads: Mapping[str, Sequence[Sample]]) -> None:
        self.uploads = uploads
        self.durable = dict.fromkeys(uploads, 0)
        """What the disk holds, committed."""
        self.applied = dict.fromkeys(uploads, 0)
        self._looked_at = 0
        self._acknowledged: dict[tuple[str, str], int] = {}
        self._deaths: dict[Hashable, set[str]] = {}
        self._suspected: set[Hashable] = set()

    def committed(self, disk: Disk) -> None:
        """Look at what the journal holds now, after a transaction or a crash."""
        if disk.total_changes == self._looked_at:
            return
        self._looked_at = disk.total_changes
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
            check(
                next_offset >= self.durable[upload_id], "%s: settled articles are gone", upload_id
            )
            check(applied >= self.applied[upload_id], "%s: applied went back", upload_id)
            check(
                next_offset <= len(self.uploads[upload_id]),
                "%s: %s settled of %s",
                *(upload_id, next_offset, len(self.uploads[upload_id])),
            )
            self.durable[upload_id] = next_offset
            self.applied[upload_id] = applied

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
        self._deaths.setdefault(article, set()).add(instance_id)

    def deaths_alone(self, article: Hashable) -> int:
        """Return on how many instances the article died alone."""
        return len(self._deaths.get(article, ()))

    def poisoned(self, article: Hashable) -> None:
        """See an article be given up."""
        check(
            self.deaths_alone(article) >= 2,
            "%s is given up after %s deaths alone",
            *(article, self.deaths_alone(article)),
        )

    def flushed(self, sink: "Sink") -> None:
        """Recount when no flush is open: the sink holds what is applied, and nothing else."""
        expected: Tally = Counter()
        for upload_id, samples in self.uploads.items():
            expected += recount(samples[: self.applied[upload_id]])
        found = sink.tally()
        if found != expected:
            wrong = {
                key: (found[key], expected[key])
                for key in sorted({*found, *expected})
                if found[key] != expected[key]
            }
            raise ViolationError(f"the sink differs (is, must be): {wrong}")

    def recount(self, store: JournalStore, sink: "Sink") -> None:
        """Recount everything when all is settled and applied."""
        self.flushed(sink)
        for key, name in sink.names().items():
            check(name in {s.strip() for s in SPELLINGS[key]}, "%r is shown as %r", key, name)
        for upload_id, samples in self.uploads.items():
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


def check(holds: bool, template: str, *args: object) -> None:
    """Raise ViolationError unless it holds."""
    if not holds:
        raise ViolationError(template % args)
