"""A compact database with small documents, and a plain reader of it."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from newstally_persister.sinks.firestore.compact.folding import FoldLimits
from newstally_persister.sinks.firestore.compact.layout import CompactLayout
from newstally_persister.sinks.firestore.connection import Connection
from newstally_persister.sinks.firestore.layout import Layout
from newstally_persister.sinks.firestore.sink import FirestoreSink, MakeLayout, Send
from support.compact_plain import rows
from support.firestore_bench import IMPATIENT, MakeSink, Store, small_parts
from support.firestore_days import EPOCH, Places, days_from, recount_places
from unit.persister.building import Article, Tallies, metrics, recount_days

TINY = FoldLimits(
    log_bytes=1_800, leaf_bytes=400, leaf_rows=3, commit_bytes=2_500, logs_bytes=4_000
)
"""So small that a few articles fold logs, cut leaves and need several commits."""


def compact(limits: FoldLimits = TINY) -> MakeLayout:
    """Return what makes the compact layout with these limits."""

    def make(send: Send, read_seconds: float) -> Layout:
        return CompactLayout(send, read_seconds, limits)

    return make


def compact_parts(connection: Connection) -> FirestoreSink:
    """Return a sink whose parts and documents are so small that a few articles make several."""
    return FirestoreSink(
        connection,
        7,
        metrics(),
        part_writes=1,
        parts_in_flight=3,
        deadlines=IMPATIENT,
        layout=compact(),
    )


class CompactStore(Store):
    """What the emulator holds for one project, read plainly: every document, without the sink."""

    async def counts(self) -> tuple[Tallies, Places]:
        """Recount: logs and leaves of every publication."""
        total: Tallies = Counter()
        dated: Places = Counter()
        root = self.client.document("newstally/compact")
        async for publication in root.collection("publications").list_documents():
            found = (await publication.get()).to_dict() or {}
            # Where a planted fault has lost its row, it has no name, and so is none that was sent.
            key = " ".join(found.get("name", "").split()).casefold()
            own: Places = Counter()
            total[key, "", "", "articles"] = found.get("articles", 0)
            total[key, "", "", "mentions"] = found.get("mentions", 0)
            tallies = publication.collection("tallies").stream()
            documents = {each.id: each.to_dict() or {} async for each in tallies}
            for text, label, day, mentions, articles in rows(documents):
                held = own if day else total
                place = (day,) if day else ()
                held[(key, text, label, "mentions", *place)] += mentions
                held[(key, text, label, "articles", *place)] += articles
            for what in ("mentions", "articles"):
                of_days = sum(
                    n
                    for (_, text, _, counted, day), n in own.items()
                    if (text, counted) == ("", what) and day != "outside"
                )
                # Nothing else shows it in a recount.
                total[key, "", "", f"undated {what}"] = abs(of_days - found.get(f"dated_{what}", 0))
            dated += own
        return +total, +dated

    async def sweep(self) -> int:
        """Delete receipts as the TTL policy does, as if their time had come; return how many."""
        receipts = self.client.document("newstally/compact").collection("flushes")
        expiring = [each async for each in receipts.stream() if "expire_at" in each.to_dict()]
        for each in expiring:
            await each.reference.delete()
        return len(expiring)


def recount_by_day(sent: Sequence[Article]) -> Places:
    """Count plainly what a compact database must hold by day."""
    total: Places = Counter()
    for (*key, day), number in recount_days(sent).items():
        if day is not None:
            iso = date.fromordinal(day + EPOCH).isoformat()
            total[(*key, iso)] += number  # type: ignore[index]
    return +total


def recount_by_place(sent: Sequence[Article]) -> Places:
    """Count plainly what documents must hold today by day and month."""
    today = datetime.now(UTC).date()
    return recount_places(sent, today, days_from(today))


@dataclass(frozen=True, slots=True)
class Kind:
    """A layout, as tests of both need it."""

    name: str
    make_sink: MakeSink
    store: type[Store]
    recount_dated: Callable[[Sequence[Article]], Places]


DOCUMENTS = Kind("documents", small_parts, Store, recount_by_place)
COMPACT = Kind("compact", compact_parts, CompactStore, recount_by_day)
