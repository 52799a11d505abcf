"""What is known about the sink: for /readyz, a metric, and one log line per change."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from newstally_persister.metrics import Metrics
from newstally_persister.sinks.base import PermanentSinkError
from newstally_persister.values.voids import SetAsideRow

log = structlog.get_logger()


LISTED_BY = "newstally-persister set-aside"
"""The command that lists the rows that are set aside, and with --retry has them tried again."""


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

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._trouble: Trouble | None = None
        self._beside: Trouble | None = None
        self._rows_set_aside = 0

    @property
    def trouble(self) -> Trouble | None:
        """What is wrong, or None."""
        return self._trouble or self._beside

    @property
    def rows_set_aside(self) -> int:
        """How many rows the sink refuses even alone."""
        return self._rows_set_aside

    @property
    def state(self) -> str:
        """Whether it works, for people."""
        trouble = self.trouble
        if trouble is None:
            return "working"
        return "permanent error" if trouble.permanent else "unreachable"

    def details(self) -> dict[str, Any]:
        """Return it for the body of /readyz."""
        trouble = self.trouble
        aside: dict[str, Any] = {}
        if self._rows_set_aside:
            aside = {
                "set_aside_rows": self._rows_set_aside,
                "set_aside_remedy": f"list them: {LISTED_BY}; mend the sink, then add --retry",
            }
        if trouble is None:
            return {"state": self.state, **aside}
        return {
            **aside,
            "state": self.state,
            "error": trouble.error,
            "remedy": trouble.remedy,
            "since": trouble.since,
        }

    def failed(self, error: Exception) -> None:
        """Note a failed attempt; log it if it is news."""
        before = self._trouble
        self._trouble = self._noted(error, before)
        self._show()
        now = self._trouble
        if before is None or (before.permanent, before.remedy) != (now.permanent, now.remedy):
            kind = _kind(now)
            log.error(
                "sink failed", kind=kind, error=now.error, remedy=now.remedy, intake="goes on"
            )

    def worked(self) -> None:
        """Note an attempt that worked; log it if it is news."""
        before, self._trouble = self._trouble, None
        if before is not None:
            self._show()
            log.info("sink works again", failed_since=before.since)

    def beside(self, error: Exception | None) -> None:
        """Note what is wrong with what the sink does beside attempts; None: it works again.

        It is in trouble until then, although attempts work. Whoever tells it logs it.
        """
        self._beside = None if error is None else self._noted(error, self._beside)
        self._show()

    def _noted(self, error: Exception, before: Trouble | None) -> Trouble:
        permanent = isinstance(error, PermanentSinkError)
        remedy = (
            error.remedy if isinstance(error, PermanentSinkError) else "none needed: it is retried"
        )
        message = f"{type(error).__name__}: {error}"
        since = datetime.now(UTC).isoformat(timespec="seconds") if before is None else before.since
        noted = Trouble(permanent, message, remedy, since)
        self._metrics.sink_errors.labels(_kind(noted)).inc()
        return noted

    def _show(self) -> None:
        troubles = [each for each in (self._trouble, self._beside) if each is not None]
        for kind in ("permanent", "transient"):
            shown = any(_kind(each) == kind for each in troubles)
            self._metrics.sink_trouble.labels(kind).set(shown)

    def show_set_aside(self, rows: int) -> None:
        """Note how many rows are set aside."""
        self._rows_set_aside = rows
        self._metrics.rows_set_aside.set(rows)

    def refused_row(self, row: SetAsideRow) -> None:
        """Log a row that the sink refuses even alone: not its text, and not what the sink says."""
        log.error(
            "row set aside",
            publication=row.publication,
            label=row.label,
            remedy=f"see why: {LISTED_BY}; mend the sink, then have it tried again: --retry",
            rest="goes on",
        )

    def stuck(self) -> None:
        """Note a row that is refused, and that cannot be set aside."""
        self.failed(
            PermanentSinkError(
                f"the sink refuses more than {self._rows_set_aside} rows",
                f"so many are not at fault themselves: see what it refuses ({LISTED_BY}) and mend "
                "that, or report it as a defect of the persister; nothing is lost",
            )
        )


def _kind(trouble: Trouble) -> str:
    return "permanent" if trouble.permanent else "transient"
