"""What an upload came to, for people and for programs."""

import contextlib
from dataclasses import dataclass
from typing import Any

from newstally.cli.running import say
from newstally.errors import InputError
from newstally.inputs import Record, Source
from newstally.values import Refusal, UploadSummary

SHOWN_REFUSALS = 100
"""How many refusals are told one by one."""


@dataclass(frozen=True, slots=True)
class LocatedRefusal:
    """A refusal, and the record of the input that it is about."""

    refusal: Refusal
    record: Record | None
    """None if the input could not be read once more."""

    @property
    def why(self) -> str:
        """The reader knows better than the gateway what is wrong with a malformed record."""
        problem = self.record.problem if self.record else ""
        return problem or f"{self.refusal.reason}: {self.refusal.message}"

    @property
    def where(self) -> str:
        """The line, or else what the gateway knows."""
        if self.record:
            return f"{self.record.path}:{self.record.line}"
        name = f" ({self.refusal.article_id})" if self.refusal.article_id else ""
        return f"article {self.refusal.offset:,}{name}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an upload came to."""

    summary: UploadSummary
    applied_offset: int
    malformed: int
    seconds: float
    refusals: list[LocatedRefusal]

    def as_json(self) -> dict[str, Any]:
        """Return an object with the protocol's field names and those of this run."""
        summary = self.summary
        return {
            "upload_id": summary.upload_id,
            "next_offset": summary.next_offset,
            "applied_offset": self.applied_offset,
            "counted": summary.counted,
            "refused": summary.refused,
            "mentions": summary.mentions,
            "models": list(summary.models),
            "articles": summary.articles,
            "malformed": self.malformed,
            "seconds": round(self.seconds, 3),
            "refusals": [
                {
                    "offset": located.refusal.offset,
                    "article_id": located.refusal.article_id,
                    "reason": located.refusal.reason.value,
                    "message": located.why,
                    "path": str(located.record.path) if located.record else None,
                    "line": located.record.line if located.record else None,
                }
                for located in self.refusals
            ],
        }

    def as_text(self) -> str:
        """Return lines for people, the summary last."""
        summary = self.summary
        lines = [f"refused: {located.where}: {located.why}" for located in self.refusals]
        if summary.refused > len(self.refusals):
            lines.append(f"refused: {summary.refused - len(self.refusals):,} more")
        lines.append(
            f"upload {summary.upload_id}: {summary.next_offset:,} articles settled"
            f" ({summary.counted:,} counted, {summary.refused:,} refused),"
            f" {summary.mentions:,} mentions, {self.applied_offset:,} applied,"
            f" {self.seconds:,.1f} s"
        )
        return "\n".join(lines)


def locate(source: Source, refusals: list[Refusal]) -> list[LocatedRefusal]:
    """Find the records of refusals by reading the input once more, as far as needed.

    The upload is over: an input that is gone or was changed by now costs the lines, nothing else.
    """
    if not refusals:
        return []
    wanted = {refusal.offset for refusal in refusals}
    found: dict[int, Record] = {}
    try:
        with contextlib.closing(source.records()) as records:
            for offset, record in enumerate(records):
                if offset in wanted:
                    found[offset] = record
                    if len(found) == len(wanted):
                        break
    except InputError as error:
        say(f"note: refused articles are told without their lines: {error}")
    return [LocatedRefusal(refusal, found.get(refusal.offset)) for refusal in refusals]
