"""What a stream has recorded, and what an answer of the journal sets off.

    none ──due──▶ frozen, being recorded ──recorded──▶ told ──the client may be told more──▶ none

A batch is due by size or age, and at once when nothing more comes and nothing admitted is without
an outcome. While it is being recorded it does not change, and there is no second one.
"""

from collections import deque

from newstally_protos.v1.upload_pb2 import Upload

from newstally_gateway.core.clients.effects import (
    Collided,
    Discard,
    Effect,
    Record,
    Release,
    Tell,
    WentBackwards,
)
from newstally_gateway.core.clients.intake import Arrival
from newstally_gateway.core.clients.ledger import Ledger, WentBackwardsError
from newstally_gateway.core.clients.numbering import Numbering
from newstally_gateway.core.tasks import StreamKey, Task


class Settling:
    """Settles what a stream admits, batch by batch."""

    def __init__(
        self, ledger: Ledger, numbering: Numbering, effects: deque[Effect], now: float
    ) -> None:
        """`effects`: where to leave what is to be done."""
        self.ledger = ledger
        self.settled_at = now
        """When the journal last answered."""
        self._numbering = numbering
        self._effects = effects
        self._unread = False  # the client has not taken what it was told last

    def admit(self, arrival: Arrival, stream: StreamKey, now: float) -> bool:
        """Take in an article whose memory was granted.

        False: it is settled, by another gateway, and gives its memory back.
        """
        if not self.ledger.admit(arrival.offset, arrival.charge):
            self._effects.append(Release(arrival.charge))
            return False
        work = arrival.work(stream, now)
        if isinstance(work, Task):
            self._effects.append(work)
        else:
            self.ledger.ready(arrival.offset, work, now)
        return True

    def due(self, now: float) -> float | None:
        """Return when `go_on` has something to do; None: not before another event."""
        return None if self._unread else self.ledger.due(now)

    def go_on(self, now: float, *, complete: bool) -> bool:
        """Have a batch recorded if one is due; return whether all is settled.

        `complete`: nothing more will be admitted.
        """
        ledger = self.ledger
        if self._unread or ledger.frozen is not None:
            return False
        complete = complete and ledger.awaited == 0
        batch = ledger.freeze(now, flush=complete)
        if batch is not None:
            self._effects.append(Record(batch))
            return False
        return complete and ledger.unsettled == 0

    def recorded(self, upload: Upload, now: float) -> None:
        """Take the journal's answer. Raises WentBackwardsError; then nothing can be settled."""
        batch = self.ledger.frozen
        if batch is None:
            raise ValueError("nothing is being recorded")
        next_offset = upload.next_offset
        try:
            answer = self.ledger.answered(next_offset)
        except WentBackwardsError as error:
            self._effects.append(WentBackwards(error.known, next_offset))
            raise
        self._numbering.settled(next_offset)
        self._effects.append(Release(answer.released_bytes))
        if answer.overtaken:
            self._effects.append(Discard(next_offset))
        if next_offset != batch.end_offset:
            self._effects.append(Collided(batch, next_offset))
        self.settled_at = now
        self.tell(Tell(answer.refusals, upload, answer.settled))

    def tell(self, news: Tell) -> None:
        """Tell the client, and have nothing recorded until it is `told`."""
        self._unread = True
        self._effects.append(news)

    def told(self) -> None:
        """Note that the client may be told more."""
        self._unread = False
