"""`newstally upload --dry-run`: what would be sent, per publication."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import typer
from newstally_protos.names import shown

from newstally.cli.running import EXIT_MALFORMED, EXIT_USAGE, print_json
from newstally.cli.uploading.rejecting.foreseeing import foreseen
from newstally.cli.uploading.rejecting.rejects import MostRejects
from newstally.errors import InputError
from newstally.inputs import Record, Source
from newstally.inputs.dating import Dating
from newstally.values import RefusalReason

MOST_PUBLICATIONS = 10_000
"""More are counted together: somebody has named the wrong column."""


@dataclass(slots=True)
class DryRun:
    """What an input holds."""

    records: int = 0
    malformed: list[str] = field(default_factory=list)
    """The first of them, up to `SHOWN`: where and why."""
    malformed_number: int = 0
    refused: list[str] = field(default_factory=list)
    """The first that would be refused, up to `SHOWN`: where and why."""
    reasons: Counter[RefusalReason] = field(default_factory=Counter)
    """How many would be refused for each reason that needs no extraction."""
    publications: Counter[str] = field(default_factory=Counter)
    """Articles that would be counted per publication, up to `MOST_PUBLICATIONS` of them."""
    others: int = 0
    """Articles of the rest."""
    dating: Dating = field(default_factory=Dating)

    SHOWN = 100

    def add(self, record: Record) -> None:
        """Count one record."""
        self.records += 1
        self.dating.add(record)
        name = record.article.publication.strip()
        if record.problem:
            self.malformed_number += 1
            if len(self.malformed) < self.SHOWN:
                self.malformed.append(f"{record.place}: {record.problem}")
        elif (reason := foreseen(record.article)) is not None:
            self.reasons[reason] += 1
            if len(self.refused) < self.SHOWN:
                self.refused.append(f"{record.place}: {reason}")
        elif name in self.publications or len(self.publications) < MOST_PUBLICATIONS:
            self.publications[name] += 1
        else:
            self.others += 1

    def as_json(self) -> dict[str, Any]:
        """Return an object for programs."""
        return {
            "dry_run": True,
            "records": self.records,
            "malformed": self.malformed_number,
            "refused": self.reasons.total(),
            "refused_by_reason": {
                reason.value: number for reason, number in self.reasons.most_common()
            },
            **self.dating.as_json(),
            "publications": [
                {"publication": name, "articles": number}
                for name, number in self.publications.most_common()
            ],
            "other_publications_articles": self.others,
        }

    def as_text(self) -> str:
        """Return lines for people, the sum last."""
        lines = []
        for kind, first, number in (
            ("malformed", self.malformed, self.malformed_number),
            ("will be refused", self.refused, self.reasons.total()),
        ):
            lines += [shown(f"{kind}: {told}") for told in first]
            if number > len(first):
                lines.append(f"{kind}: {number - len(first):,} more")
        lines += map(shown, self.dating.lines())
        lines += [
            f"{number:>12,}  {shown(name)}" for name, number in self.publications.most_common()
        ]
        if self.others:
            lines.append(f"{self.others:>12,}  of more than {MOST_PUBLICATIONS:,} publications")
        if dated := self.dating.summary():
            lines.append(f"articles: {dated}")
        refused = self.reasons.total()
        articles = self.records - self.malformed_number
        told = [f"{number:,} {reason}" for reason, number in self.reasons.most_common()]
        of_them = f", of which {refused:,} will be refused ({', '.join(told)})" if refused else ""
        lines.append(
            f"dry run: {articles:,} articles would be sent{of_them}; {self.malformed_number:,}"
            " records are malformed; nothing was sent"
        )
        return "\n".join(lines)


def dry_run(source: Source, on_record: Callable[[int], None]) -> DryRun:
    """Read all of the input. Raises InputError as `Source.records` does, and for no record."""
    found = DryRun()
    for record in source.records():
        found.add(record)
        on_record(found.records)
    if not found.records:
        raise InputError("the input has no records")
    return found


def tell_dry_run(
    found: DryRun, as_json: bool, most_rejects: MostRejects, tell_error: Callable[[str], None]
) -> None:
    """Print it, and end with the exit code that the upload would have had."""
    if as_json:
        print_json(found.as_json())
    else:
        typer.echo(found.as_text())
    try:
        most_rejects.check(found.malformed_number + found.reasons.total(), found.records)
    except InputError as error:  # told beside what was found: on stdout there is one object
        tell_error(f"error: {error}")
        raise typer.Exit(EXIT_USAGE) from error
    if found.malformed_number:
        raise typer.Exit(EXIT_MALFORMED)
