"""`newstally compare`."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer
from newstally_protos.names import publication_key, shown

from newstally.cli.asking import asking
from newstally.cli.output.tables import print_table
from newstally.cli.reading.comparing import Compared, Difference
from newstally.cli.reading.comparing import compare as compared
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
from newstally.values import PublicationTally


def compare(
    first: Annotated[str, typer.Argument(metavar="PUBLICATION", help="In any spelling.")],
    second: Annotated[str, typer.Argument(metavar="PUBLICATION", help="The one to compare with.")],
    *,
    label: Annotated[str, typer.Option(help="Only this label, for example PERSON.")] = "",
    number: Annotated[
        int, typer.Option("-n", "--number", min=1, help="At most so many of each.")
    ] = 10,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show what each of two publications mentions more than the other, per article.

    First comes what is surest to be mentioned much more: "at least" says how many times as
    often, with 95 % certainty. What fewer than three articles mention is left out, and so are
    the publications' own names.
    """
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:
        if publication_key(first) == publication_key(second):
            raise typer.BadParameter("name two different publications")
        found = run(_compared(client, first, second, label.strip()))
    sides = (
        (found.first, found.second, found.more_in_first),
        (found.second, found.first, found.more_in_second),
    )
    if as_json:
        print_json(
            [
                {
                    "publication": one.publication,
                    "articles": one.articles,
                    "compared_with": other.publication,
                    "mentions_more": [asdict(each) for each in more[:number]],
                }
                for one, other, more in sides
            ]
        )
        return
    for one, other, more in sides:
        _print_side(one, other, more[:number], typer.echo)


async def _compared(client: NewstallyClient, first: str, second: str, label: str) -> Compared:
    async with client:
        found = await compared(client, first, second, label)
    own = {_bare(found.first.publication), _bare(found.second.publication)}
    for more in (found.more_in_first, found.more_in_second):
        more[:] = [each for each in more if _bare(each.text) not in own]
    return found


def _bare(name: str) -> str:
    return publication_key(name).removeprefix("the ")


def _print_side(
    one: PublicationTally,
    other: PublicationTally,
    more: list[Difference],
    tell: Callable[[str], None],
) -> None:
    names = f"{one.publication} ({one.articles:,} articles) mentions more than {other.publication}"
    if not more:
        say(f"nothing that {names}, for certain")
        return
    tell("")
    tell(shown(f"{names} ({other.articles:,}):"))
    print_table(
        ("name", "label", "per 100 articles", "there", "times", "at least"),
        [
            (
                each.name,
                each.label,
                100 * each.mentions / one.articles,
                100 * each.other_mentions / other.articles,
                each.times,
                each.at_least,
            )
            for each in more
        ],
    )
