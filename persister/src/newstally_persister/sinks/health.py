"""What is known about the sink: for /readyz, a metric, and one log line per change."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import PermanentSinkError

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the sink does not work."""

    permanent: bool
    """Whether somebody has to do something."""
    error: str
    remedy: str
    since: str
    """ISO 8601, UTC."""


class SinkHealth:
    """Whether the last attempt at the sink worked. Read from other threads."""

    def __init__(
        self, metrics: Metrics, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._metrics = metrics
        self._now = now
        self._trouble: Trouble | None = None

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong, or None."""
        return self._trouble

    def details(self) -> dict[str, Any]:
        """Return it for the body of /readyz."""
        trouble = self._trouble
        if trouble is None:
            return {"state": "working"}
        return {
            "state": "permanent error" if trouble.permanent else "unreachable",
            "error": trouble.error,
            "remedy": trouble.remedy,
            "since": trouble.since,
        }

    def failed(self, error: Exception) -> None:
        """Note a failed attempt; log it if it is news."""
        permanent = isinstance(error, PermanentSinkError)
        kind = "permanent" if permanent else "transient"
        self._metrics.sink_errors.labels(kind).inc()
        remedy = (
            error.remedy if isinstance(error, PermanentSinkError) else "none needed: it is retried"
        )
        before = self._trouble
        message = f"{type(error).__name__}: {error}"
        since = self._now().isoformat(timespec="seconds") if before is None else before.since
        self._trouble = Trouble(permanent, message, remedy, since)
        self._metrics.sink_trouble.labels("permanent").set(permanent)
        self._metrics.sink_trouble.labels("transient").set(not permanent)
        if before is None or before.permanent != permanent or before.remedy != remedy:
            log.error("sink failed", kind=kind, error=message, remedy=remedy, intake="goes on")

    def worked(self) -> None:
        """Note an attempt that worked; log it if it is news."""
        before, self._trouble = self._trouble, None
        if before is not None:
            self._metrics.sink_trouble.labels("permanent").set(0)
            self._metrics.sink_trouble.labels("transient").set(0)
            log.info("sink works again", failed_since=before.since)
