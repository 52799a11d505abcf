"""What an upload came to, for people and for programs."""

import contextlib
from dataclasses import dataclass
from typing import Any

import typer
from newstally_protos.names import shown

from newstally.cli.running import say
from newstally.errors import InputError
from newstally.inputs import Record, Source
from newstally.values import Refusal, RefusalReason, UploadSummary

SHOWN_REFUSALS = 100
"""How many refusals are told one by one."""


class MostRejects:
    """What --max-rejects allows: a number of records, or a part of all."""

    def __init__(self, text: str) -> None:
        """Raises ValueError for what is neither `N` nor `P%`."""
        self._text = text
        self._percent = float(text[:-1]) if text.endswith("%") else None
        self._number = 0 if text.endswith("%") else int(text)
        if self._number < 0 or not 0 <= (self._percent or 0.0) <= 100:
            raise ValueError(text)

    def check(self, rejected: int, records: int, upload_id: str = "") -> None:
        """Raise InputError if more were rejected of an input of so many records."""
        allowed = self._number if self._percent is None else records * self._percent / 100
        if rejected > allowed:
            remedy = (
                f"stopped; `newstally refusals {upload_id}` lists them, and the same command with"
                " more allowed goes on"
                if upload_id
                else "nothing was sent; --dry-run lists them"
            )
            raise InputError(
                f"{rejected:,} of {records:,} records are rejected, more than --max-rejects"
                f" {self._text}: {remedy}"
            )


def allowed(text: str | None) -> MostRejects:
    """Read --max-rejects; without it all may be rejected."""
    try:
        return MostRejects("100%" if text is None else text)
    except ValueError as error:
        raise typer.BadParameter("--max-rejects takes a number, or a part such as 5%") from error


@dataclass(frozen=True, slots=True)
class LocatedRefusal:
    """A refusal, and the record of the input that it is about."""

    refusal: Refusal
    record: Record | None
    """None if the input could not be read once more."""

    @property
    def reason(self) -> RefusalReason:
        """A malformed record is that, and not what is wrong with the article it was sent as."""
        return RefusalReason.MALFORMED if self._problem else self.refusal.reason

    @property
    def message(self) -> str:
        """The reader knows better than the gateway what is wrong with a malformed record."""
        return self._problem or self.refusal.message

    @property
    def line(self) -> str:
        """All of it, for people."""
        if self._problem:
            return shown(f"malformed: {self.where}: {self._problem}")
        return shown(f"refused: {self.where}: {self.reason}: {self.message}")

    @property
    def _problem(self) -> str:
        return self.record.problem if self.record else ""

    @property
    def where(self) -> str:
        """The line, or else what the gateway knows."""
        if self.record:
            return self.record.place
        name = f" ({self.refusal.article_id})" if self.refusal.article_id else ""
        return f"article {self.refusal.offset:,}{name}"


@dataclass(frozen=True, slots=True)
class Report:
    """What an upload came to."""

    summary: UploadSummary
    applied_offset: int
    malformed: int
    """Records of the input that are no articles; they are among those that were refused."""
    seconds: float
    refusals: list[LocatedRefusal]
    already_counted: bool = False
    """All was settled before this run, which sent nothing."""

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
            "already_counted": self.already_counted,
            "seconds": round(self.seconds, 3),
            "refusals": [
                {
                    "offset": located.refusal.offset,
                    "article_id": located.refusal.article_id,
                    "reason": located.reason.value,
                    "message": located.message,
                    "path": str(located.record.path) if located.record else None,
                    "line": located.record.line if located.record else None,
                }
                for located in self.refusals
            ],
        }

    def as_text(self) -> str:
        """Return lines for people, the summary last."""
        summary = self.summary
        lines = [located.line for located in self.refusals]
        if summary.refused > len(self.refusals):
            lines.append(
                f"refused: {summary.refused - len(self.refusals):,} more; `newstally refusals"
                f" {summary.upload_id}` lists them"
            )
        malformed = f", {self.malformed:,} of them malformed" if self.malformed else ""
        already = "already counted: " if self.already_counted else ""
        lines.append(
            f"{already}upload {summary.upload_id}: {summary.next_offset:,} articles settled"
            f" ({summary.counted:,} counted, {summary.refused:,} refused{malformed}),"
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
