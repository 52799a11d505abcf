"""The sink: the real embedded one, behind a network, and at times not there."""

import sqlite3
from collections.abc import Callable

from newstally_persister.journal.tables import pending
from newstally_persister.sinks.base import JournalMismatchError, PartRefusedError
from newstally_persister.sinks.sqlite_tallies import SqliteTallies
from newstally_persister.values.parts import Part, digest
from newstally_persister.values.progress import Expiry
from simulation.corpus import ENTITIES, SPELLINGS, Tally, by_day
from simulation.disk import PowerCutError, is_full, new_disk
from simulation.kernel import Kernel, Life
from simulation.network import Reply, Status
from simulation.oracle import check
from unit.persister.building import check_rollups

ROWS = [(key, *entity) for key in SPELLINGS for entity in (("", ""), *ENTITIES)]
"""The keys of every row that there can be."""
RECEIPT_SECONDS = 30
"""How long a receipt stands after it was told to expire: longer than any request is under way."""


class Sink:
    """A store of tallies that outlives everybody."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.disk = new_disk()
        self._tallies = self.open()
        self._digests: dict[str, str] = {}
        self.down_until = 0.0
        self._life = Life()
        self._moody = kernel.random.choice((0, 0.2, 0.5))
        """How often it refuses a part that it takes at another time, or has taken."""
        self._disliked = set(kernel.random.sample(ROWS, kernel.random.choice((0, 0, 1, 5))))
        """Rows that it refuses."""

    def open(self) -> SqliteTallies:
        """Return the store on the disk."""
        return SqliteTallies(self.disk)

    def apply(self, part: Part, reply: Reply) -> None:
        """Apply a part once; however often it comes, the answer is the same."""
        check(
            part.digest == digest(part.publications, part.entities),
            "part %s is not what its digest says",
            part.id,
        )
        if part.id in self._digests:
            self._kernel.saw("a part comes again")
        before = self._digests.setdefault(part.id, part.digest)
        check(before == part.digest, "part %s came with two contents", part.id)
        self._kernel.note("sink gets %s-%s", part.flush, part.number)
        rows = {pending.key(row) for some in (part.publications, part.entities) for row in some}
        if rows & self._disliked or self._kernel.chance(self._moody):
            self._kernel.saw("the sink refuses a part")
            reply(PartRefusedError("INVALID_ARGUMENT"))
            if self._kernel.chance(0.5):
                self._kernel.after(self._kernel.random.uniform(0, 3), self._life, self._late, part)
            return
        self._serve(lambda: self._tallies.apply(part), reply)

    def _late(self, part: Part) -> None:
        """Get an earlier attempt at a part that was refused meanwhile; nobody hears the answer."""
        self._kernel.saw("an attempt at a refused part comes late")
        self._serve(lambda: self._tallies.apply(part), lambda _: None)

    def void(self, part: Part, reply: Reply) -> None:
        """Leave a tombstone."""
        self._kernel.note("sink voids %s-%s", part.flush, part.number)
        self._serve(lambda: self._tallies.void(part), reply)

    def relent(self) -> None:
        """Take everything from now on."""
        self._moody = 0
        self._disliked = set()

    def expire(self, expiry: Expiry, reply: Reply) -> None:
        """Let receipts go, some time later."""
        now = int(self._kernel.now)
        self._serve(lambda: self._tallies.expire(expiry, now + RECEIPT_SECONDS, now), reply)

    def mark(self, journal_id: str, reply: Reply) -> None:
        """Say how far it has seen the journal."""
        self._serve(lambda: self._tallies.mark(journal_id), reply)

    def _serve(self, action: Callable[[], object], reply: Reply) -> None:
        """Do it and answer; the process may die of it and be there again at once."""
        if self._kernel.now < self.down_until:
            reply(Status.UNAVAILABLE)
            return
        try:
            answer = action()
        except JournalMismatchError as error:
            reply(error)
            return
        except PowerCutError:
            self._kernel.saw("the sink dies at a statement")
            if self.disk.in_transaction:
                self.disk.rollback()
            return
        except sqlite3.OperationalError as error:
            if not is_full(error):
                raise
            self._kernel.saw("the sink's disk is full")
            reply(Status.RESOURCE_EXHAUSTED)
            return
        reply(answer)
        if self._kernel.chance(0.2):
            self._kernel.after(self._kernel.random.uniform(0, 1), self._life, self._keep)

    def _keep(self) -> None:
        """Merge runs of rollups, or die of it."""
        self._kernel.saw("rollups are kept")
        self._serve(self._tallies.keep, lambda _: None)

    def tally(self) -> Tally:
        """Return everything in it."""
        check_rollups(self.disk.peek)
        names = "JOIN publication_tallies p USING (publication) JOIN entity_names n USING (entity)"
        return by_day(
            self.disk.peek(
                "SELECT key, '', '', mentions, articles FROM publication_tallies UNION ALL "
                "SELECT p.key, n.text, n.label, t.mentions, t.articles "
                f"FROM entity_tallies t {names}"
            ),
            self.disk.peek(
                "SELECT key, '', '', day, d.mentions, d.articles FROM publication_days d "
                "JOIN publication_tallies USING (publication) UNION ALL "
                "SELECT p.key, n.text, n.label, day, d.mentions, d.articles "
                f"FROM entity_days d {names}"
            ),
        )

    def names(self) -> dict[str, str]:
        """Return how each publication is shown."""
        return dict(self.disk.peek("SELECT key, name FROM publication_tallies"))
