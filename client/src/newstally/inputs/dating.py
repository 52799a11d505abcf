"""How many articles of an input have a time of publication, and which have none."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from newstally.inputs.readers.records import NO_TIME
from newstally.inputs.source import Record

SHOWN = 20
"""How many records of each kind are told one by one."""


@dataclass(slots=True)
class Dating:
    """What is known of the times of an input's articles. All of them are counted."""

    dated: int = 0
    missing: int = 0
    """There is a column for it, and nothing in it."""
    unreadable: int = 0
    """It is no time, or could be several."""
    undated: list[Record] = field(default_factory=list)
    """The first of both kinds, in the order of the input."""

    def add(self, record: Record) -> None:
        """Count one record; what is malformed is no article."""
        if record.article.publish_time is not None:
            self.dated += 1
        elif record.time_problem == NO_TIME:
            self.missing += 1
            if self.missing <= SHOWN:
                self.undated.append(record)
        elif record.time_problem:
            self.unreadable += 1
            if self.unreadable <= SHOWN:
                self.undated.append(record)

    def as_json(self) -> dict[str, Any]:
        """Return fields for programs."""
        return {
            "dated": self.dated,
            "without_time": self.missing,
            "unreadable_times": self.unreadable,
            "undated_records": [
                {"path": str(record.path), "line": record.line, "problem": record.time_problem}
                for record in self.undated
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield which records have no time, for people; nothing if none of the input has one."""
        for record in self.undated:
            yield f"under no day: {record.place}: {record.time_problem}"
        for number, which in (
            (self.missing, "without a time"),
            (self.unreadable, "with a time that cannot be read"),
        ):
            if number > SHOWN:
                yield f"under no day: {number - SHOWN:,} more {which}"
        if any(" may be " in record.time_problem for record in self.undated):
            yield "--day-first or --month-first says how such days are meant"

    def summary(self) -> str:
        """Say how many have a time, in a few words; nothing if there is no column of times."""
        if not self.dated + self.missing + self.unreadable:
            return ""
        told = [f"{self.dated:,} with a time"]
        if self.missing:
            told.append(f"{self.missing:,} without")
        if self.unreadable:
            told.append(f"{self.unreadable:,} with one that cannot be read")
        return ", ".join(told)
