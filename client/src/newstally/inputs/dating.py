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
    first_missing: list[Record] = field(default_factory=list)
    first_unreadable: list[Record] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Count one record; what is malformed is no article."""
        if record.article.publish_time is not None:
            self.dated += 1
        elif record.time_problem == NO_TIME:
            self.missing += 1
            _keep(self.first_missing, record)
        elif record.time_problem:
            self.unreadable += 1
            _keep(self.first_unreadable, record)

    def as_json(self) -> dict[str, Any]:
        """Return fields for programs."""
        return {
            "dated": self.dated,
            "without_time": self.missing,
            "unreadable_times": self.unreadable,
            "undated_records": [
                {"path": str(record.path), "line": record.line, "problem": record.time_problem}
                for record in (*self.first_missing, *self.first_unreadable)
            ],
        }

    def lines(self) -> Iterator[str]:
        """Yield which records have no time, for people; nothing if none of the input has one."""
        for records, number in (
            (self.first_missing, self.missing),
            (self.first_unreadable, self.unreadable),
        ):
            for record in records:
                yield f"under no day: {record.place}: {record.time_problem}"
            if number > len(records):
                yield f"under no day: {number - len(records):,} more"
        if any(" may be " in record.time_problem for record in self.first_unreadable):
            yield "--day-first or --month-first says how such days are meant"

    def summary(self) -> str:
        """Say how many have a time, in a few words; nothing if there is no column of times."""
        if not self.dated + self.missing + self.unreadable:
            return ""
        return (
            f"{self.dated:,} with a time, {self.missing:,} without, {self.unreadable:,} with one"
            " that cannot be read"
        )


def _keep(records: list[Record], record: Record) -> None:
    if len(records) < SHOWN:
        records.append(record)
