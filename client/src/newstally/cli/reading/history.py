"""`newstally history`."""

from dataclasses import asdict
from typing import Annotated

import typer
from newstally_protos.names import shown
from rich.console import Console

from newstally.cli.asking import asking
from newstally.cli.output.sparks import per_sign
from newstally.cli.output.tables import print_table
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
)
from newstally.days.answers import History, PublicationMentions
from newstally.errors import NotFound

_PUBLICATIONS = 10
"""Publications that are told."""


def history(
    entity: Annotated[str, typer.Argument(help="Its text, in any case; `newstally find` has it.")],
    *,
    publication: Annotated[
        str | None, typer.Option(help="In any spelling; default: all together.")
    ] = None,
    label: Annotated[
        str, typer.Option(help="Its label; default: that with most mentions of this text.")
    ] = "",
    since: days.Since = None,
    until: days.Until = None,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show how often something is mentioned, day by day, and by whom."""
    begin, end = days.day(since), days.day(until)
    days.check(begin, end)
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:

        async def ask() -> tuple[History, tuple[PublicationMentions, ...]]:
            async with client as opened:
                questions = opened.questions
                found = await questions.history(
                    entity, label=label.strip(), publication=publication, since=begin, until=end
                )
                if publication is not None:
                    return found, ()
                across = await questions.publications(
                    found.entity.text,
                    label=found.entity.label,
                    since=begin,
                    until=end,
                    limit=_PUBLICATIONS,
                )
                return found, across.publications

        try:
            found, across = run(ask())
        except NotFound as error:
            raise NotFound(f"{error}; `newstally find` tells what there is") from error
    if as_json:
        print_json({**days.as_json(found), "publications": [asdict(each) for each in across]})
        return
    _show(found, publication)
    if across:
        typer.echo()
        print_table(
            ("publication", "mentions", "articles", "of"),
            [(p.publication, p.mentions, p.articles, p.counted_articles) for p in across],
        )
    days.tell_applied(found.applied_time)


def _show(found: History, publication: str | None) -> None:
    entity = found.entity
    whose = f" of {publication}" if publication else ""
    typer.echo(
        shown(
            f"{entity.name} ({entity.label}): {entity.mentions:,} mentions in {entity.articles:,}"
            f" articles{whose}"
        )
    )
    undated = found.without_day
    if undated.articles:
        typer.echo(f"{undated.mentions:,} of the mentions have no day")
    if days.on_terminal() and found.days:
        _draw(found)
    rows = [
        (each.period, each.mentions, each.articles, each.counted_articles)
        for each in found.days
        if each.mentions
    ]
    if rows:
        print_table(("day", "mentions", "articles", "of"), rows)


def _draw(found: History) -> None:
    first, last = found.days[0].period, found.days[-1].period
    width = max(10, Console().width - len(first) - len(last) - 2)
    typer.echo(f"{first} {days.draw(found.days, width)} {last}")
    if (step := per_sign(len(days.filled(found.days)), width)) > 1:
        typer.echo(f"(one sign for {step} days)")
