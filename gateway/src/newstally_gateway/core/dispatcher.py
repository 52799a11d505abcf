"""Which replica gets which article, and what happens when replicas go.

              add                     assign                     started
    (new) ──────────▶ queued ──────────────────────▶ sent ──────────────────▶ running ──▶ answered
                         ▲                             │                         │
                         │  link down, never started   │    link down, not clean │
                         └─────────────────────────────┘                         ▼
                                             suspect: sent again, alone in its model batch
                                             deaths alone on two instances: poisoned

The queue stands above the links: streams take turns by bytes, and what a broken link leaves
unanswered goes back to the head of its stream's queue.
"""

from collections.abc import Iterable, Sequence

from newstally_gateway.core.tasks import Attempt, LinkKey, Poisoned, StreamKey, Task, Window


class Dispatcher:
    """Decides for all streams and all links of the process."""

    def __init__(self, article_timeout: float) -> None:
        """`article_timeout`: seconds that a started article, or a silent link, is given."""
        raise NotImplementedError

    @property
    def queued(self) -> int:
        """Tasks that are on no link, suspects included."""
        raise NotImplementedError

    @property
    def outstanding(self) -> int:
        """Attempts that are on links, discarded ones included."""
        raise NotImplementedError

    @property
    def suspects(self) -> int:
        """Tasks that are suspected, on a link or not."""
        raise NotImplementedError

    def add(self, task: Task) -> None:
        """Queue a task. A stream's tasks come in ascending offsets."""
        raise NotImplementedError

    def discard(self, stream: StreamKey, below: int | None = None) -> None:
        """Forget the stream's tasks: all, or those with an offset under `below`.

        What is on a link stays on its account, without its content, until answered.
        """
        raise NotImplementedError

    def link_up(self, link: LinkKey, instance_id: str, window: Window, now: float) -> None:
        """Take in a link: its replica's process is `instance_id`. ValueError if it is up."""
        raise NotImplementedError

    def link_window(self, link: LinkKey, window: Window) -> None:
        """Set a link's window anew; ignored for a link that is not up."""
        raise NotImplementedError

    def link_draining(self, link: LinkKey) -> None:
        """Send nothing new on the link, and suspect nothing when it ends; ignored if not up."""
        raise NotImplementedError

    def link_down(self, link: LinkKey, *, clean: bool) -> Sequence[Poisoned]:
        """Take back what the link has not answered; return what is given up.

        `clean`: the replica ended it in good order, so that nothing is suspect. Ignored for a
        link that is not up.
        """
        raise NotImplementedError

    def started(self, link: LinkKey, ids: Iterable[int], now: float) -> None:
        """Note that a model batch with these attempts begins; unknown ids are ignored."""
        raise NotImplementedError

    def answered(self, link: LinkKey, attempt_id: int, now: float) -> Task | None:
        """Take an attempt off its link; None when it is late, unknown or discarded."""
        raise NotImplementedError

    def assign(self, now: float) -> list[Attempt]:
        """Return all that can be sent now; it counts as sent."""
        raise NotImplementedError

    def expired(self, now: float) -> list[LinkKey]:
        """Return the links that ran out of time: break them, then `link_down(clean=False)`."""
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """Return when `expired` may next have something, if nothing happens before."""
        raise NotImplementedError
