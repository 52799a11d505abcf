"""What an upload came to, for people and for programs."""

import contextlib
from dataclasses import dataclass
from typing import Any

from newstally.inputs import Record, Source
from newstally.values import Refusal, UploadSummary

SHOWN_REFUSALS = 100
"""How many refusals are told one by one."""


@dataclass(frozen=True, slots=True)
class LocatedRefusal:
    """A refusal, and the record of the input that it is about."""

    refusal: Refusal
    record: Record

    @property
    def why(self) -> str:
        """The reader knows better than the gateway what is wrong with a malformed record."""
        refusal = self.refusal
        return self.record.problem or f"{refusal.reason}: {refusal.message}"


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
                    "path": str(located.record.path),
                    "line": located.record.line,
                }
                for located in self.refusals
            ],
        }

    def as_text(self) -> str:
        """Return lines for people, the summary last."""
        summary = self.summary
        lines = [
            f"refused: {located.record.path}:{located.record.line}: {located.why}"
            for located in self.refusals
        ]
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
    """Find the records of refusals by reading the input once more, as far as needed."""
    wanted = {refusal.offset: refusal for refusal in refusals}
    located: list[LocatedRefusal] = []
    if wanted:
        with contextlib.closing(source.records()) as records:
            for offset, record in enumerate(records):
                if offset in wanted:
                    located.append(LocatedRefusal(wanted[offset], record))
                    if len(located) == len(wanted):
                        break
    return located
