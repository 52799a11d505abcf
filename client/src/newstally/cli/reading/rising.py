"""`newstally rising`."""

from datetime import date
from typing import Annotated

import typer
from newstally_protos.names import shown

from newstally.cli.asking import asking
from newstally.cli.output.tables import Drawing, print_table
from newstally.cli.reading import days
from newstally.cli.running import (
    AsJson,
    Ca,
    KeyFile,
    Target,
    Tls,
    exit_codes,
    make_access,
    print_json,
    run,
    say,
)
from newstally.client import NewstallyClient
from newstally.days.answers import Rising


def rising(
    publication: Annotated[
        str | None, typer.Argument(help="In any spelling; default: all together.")
    ] = None,
    *,
    since: days.Since = None,
    until: days.Until = None,
    against_since: days.Since = None,
    against_until: days.Until = None,
    label: Annotated[str, typer.Option(help="Only this label, for example PERSON.")] = "",
    min_articles: Annotated[
        int, typer.Option(min=1, help="Only what so many articles mention.")
    ] = 3,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="At most so many.")] = 10,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show who and what is mentioned more than before, per article.

    By default the last seven days with articles against the four weeks before.
    First comes what is surest to have risen much: "at least" says how many
    times as often, with 95 % certainty.
    """
    spans = [days.day(each) for each in (since, until, against_since, against_until)]
    for (begin, end), names in (
        (spans[:2], "--since and --until"),
        (spans[2:], "--against-since and --against-until"),
    ):
        if (begin is None) != (end is None):
            raise typer.BadParameter(f"give both {names}, or none")
        days.check(begin, end)
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:
        asked = _rising(client, publication, spans, label.strip(), min_articles, number)
        found, drawn = run(asked)
    if as_json:
        print_json(days.as_json(found))
        return
    _show(found, drawn)
    days.tell_applied(found.applied_time)


async def _rising(
    unopened: NewstallyClient,
    publication: str | None,
    spans: list[date | None],
    label: str,
    min_articles: int,
    number: int,
) -> tuple[Rising, list[str]]:
    async with unopened as client:
        found = await client.questions.rising(
            publication,
            since=spans[0],
            until=spans[1],
            base_since=spans[2],
            base_until=spans[3],
            label=label,
            min_articles=min_articles,
            limit=number,
        )
        drawn: list[str] = []
        if days.on_terminal():
            entities = [each.entity for each in found.entities]
            first, last = min(found.since, found.base_since), max(found.until, found.base_until)
            drawn = await days.sparks(client, entities, publication, first, last)
    return found, drawn


def _show(found: Rising, drawn: list[str]) -> None:
    compared = (
        f"{found.since} to {found.until} ({found.articles:,} articles) against {found.base_since}"
        f" to {found.base_until} ({found.base_articles:,})"
    )
    if not found.entities:
        say(f"nothing rose for certain, {compared}")
        return
    typer.echo(shown(f"rose, {compared}:"))
    rows: list[list[str | int | float]] = [
        [
            each.entity.name,
            each.entity.label,
            each.entity.mentions,
            each.base_mentions,
            each.times,
            each.at_least,
        ]
        for each in found.entities
    ]
    names = ["name", "label", "mentions", "before", "times", "at least"]
    if drawn:
        names.append("by day")
        for row, line in zip(rows, drawn, strict=True):
            row.append(Drawing(line))
    print_table(names, rows)
