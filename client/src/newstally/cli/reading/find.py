"""`newstally find`."""

from dataclasses import replace
from typing import Annotated

import typer
from newstally_protos.limits import PAGE_LIMIT_ITEMS

from newstally.cli.asking import asking
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
    say,
)
from newstally.days.answers import Found


def find(
    text: Annotated[
        str,
        typer.Argument(
            help="How a name begins, in any case; where tallies are in SQLite also any word of it."
        ),
    ],
    *,
    publication: Annotated[
        str | None, typer.Option(help="In any spelling; default: all together.")
    ] = None,
    label: Annotated[str, typer.Option(help="Only this label, for example PERSON.")] = "",
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="At most so many.")] = 20,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List the entities whose names begin so, the most mentioned first.

    Where tallies are in SQLite, any word of a name counts as its beginning, in
    Firestore only the first.
    """
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:

        async def ask() -> Found:
            async with client as opened:
                return await opened.questions.find(
                    text, publication=publication, label=label.strip(), limit=PAGE_LIMIT_ITEMS
                )

        found = run(ask())
    entities = sorted(found.entities, key=lambda each: (-each.mentions, each.text, each.label))
    if as_json:
        more = found.more or len(entities) > number
        print_json(days.as_json(replace(found, entities=tuple(entities[:number]), more=more)))
        return
    if not entities:
        say(
            f"no name begins with {text!r}, and no word of one (with the Firestore sink only names"
            " themselves are looked at)"
        )
        return
    print_table(
        ("name", "text", "label", "mentions", "articles"),
        [(e.name, e.text, e.label, e.mentions, e.articles) for e in entities[:number]],
    )
    if found.more:
        say(
            f"of the first {PAGE_LIMIT_ITEMS:,}, names that begin so before words that do; a longer"
            " beginning finds the rest"
        )
    days.tell_applied(found.applied_time)
