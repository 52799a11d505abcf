"""`newstally top` and `newstally publications`."""

from dataclasses import asdict, dataclass
from datetime import date
from typing import Annotated

import typer
from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.names import publication_key, shown

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
from newstally.errors import NotFound
from newstally.values import EntityTally, PublicationTally

_LEFT_OUT_AT_MOST = 10
LABELS_FROM = 2 * PAGE_LIMIT_ITEMS
"""Among so many entities a label is looked for."""


def top(
    publication: Annotated[
        str | None, typer.Argument(help="In any spelling; default: all together.")
    ] = None,
    *,
    since: days.Since = None,
    until: days.Until = None,
    label: Annotated[
        str, typer.Option(help="Only this label, for example PERSON, in any case.")
    ] = "",
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="At most so many.")] = 20,
    own_name: Annotated[
        bool, typer.Option("--own-name", help="Show the publication's own name, too.")
    ] = False,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Show which entities a publication mentions most, ever or within some days."""
    asked = Asked(publication, days.day(since), days.day(until))
    days.check(asked.since, asked.until)
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:
        try:
            tallies, drawn, nothing = run(_top(client, asked, label, number, own_name=own_name))
        except NotFound as error:
            raise NotFound(f"{error}; `newstally publications` lists those there are") from error
    if as_json:
        print_json([asdict(tally) for tally in tallies])
        return
    if tallies:
        names = ("name", "label", "mentions", "articles", *(("by day",) if drawn else ()))
        lines = [[Drawing(line)] for line in drawn] or [[] for _ in tallies]
        columns = zip(tallies, lines, strict=True)
        print_table(names, [(t.name, t.label, t.mentions, t.articles, *d) for t, d in columns])
    elif nothing:
        say(nothing)


def publications(
    *,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help="At most so many; default: all.")
    ] = None,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List the publications, those with most mentions first."""
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:
        tallies, models = run(_publications(client, number))
    if as_json:
        print_json([asdict(tally) for tally in tallies])
        return
    if not tallies:
        say("no publications yet; what was uploaded appears here when it is applied")
        return
    print_table(
        ("publication", "articles", "mentions"),
        [(t.publication, t.articles, t.mentions) for t in tallies],
    )
    if len(models) > 1:
        say(
            "counted in several ways, so that the same thing may stand under different names: "
            + "; ".join(map(shown, models))
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What `top` is about."""

    publication: str | None
    since: date | None
    until: date | None

    async def entities(
        self, client: NewstallyClient, label: str, number: int, left_out: str
    ) -> list[EntityTally]:
        """Return the most mentioned, without the name that is left out."""
        if self.publication is not None and self.since is None and self.until is None:
            return await _entities(client, self.publication, label, number, left_out)
        # However often a name is left out: it has few labels.
        most = number + (_LEFT_OUT_AT_MOST if left_out else 0)
        found = await client.questions.ranking(
            self.publication, since=self.since, until=self.until, label=label, limit=most
        )
        if found.entities or not label:
            days.tell_applied(found.applied_time)
        kept = [each for each in found.entities if _squeezed(each.text) != left_out]
        return kept[:number]

    async def nothing(self, client: NewstallyClient, label: str) -> str:
        """Say why nothing was found, or nothing where that was said already."""
        if self.since is not None or self.until is not None:
            found = await client.questions.ranking(
                self.publication, since=self.since, until=self.until, limit=1
            )
            if not found.articles:
                there = await days.known(client, self.publication)
                return f"no article was counted within these days; {there}"
        return "" if label else "no entities were found in these articles"

    async def drawn(self, client: NewstallyClient, tallies: list[EntityTally]) -> list[str]:
        """Return a sparkline for each, where a person looks at it and both days are told."""
        if self.since is None or self.until is None or not days.on_terminal():
            return []
        return await days.sparks(client, tallies, self.publication, self.since, self.until)


async def _top(
    unopened: NewstallyClient, asked: Asked, label: str, number: int, *, own_name: bool
) -> tuple[list[EntityTally], list[str], str]:
    """Return the entities, their lines, and what to say where there are none."""
    async with unopened as client:
        tallies = await _labelled(client, asked, label.strip(), number, own_name=own_name)
        nothing = "" if tallies else await asked.nothing(client, label.strip())
        return tallies, await asked.drawn(client, tallies), nothing


async def _labelled(
    client: NewstallyClient, asked: Asked, label: str, number: int, *, own_name: bool
) -> list[EntityTally]:
    left_out = "" if own_name else _squeezed(asked.publication or "")
    for spelling in dict.fromkeys((label, label.upper())):
        if found := await asked.entities(client, spelling, number, left_out):
            return found
    if not label:
        return []
    looked_at = await asked.entities(client, "", LABELS_FROM, "")
    labels = sorted({tally.label for tally in looked_at})
    if same := next((each for each in labels if each.casefold() == label.casefold()), None):
        return await asked.entities(client, same, number, left_out)
    whose = f" (of the {LABELS_FROM:,} most mentioned)" if len(looked_at) == LABELS_FROM else ""
    say(f"no entity is labelled {label}; labels here{whose}: {', '.join(labels) or 'none'}")
    return []


async def _entities(
    client: NewstallyClient, publication: str, label: str, number: int, left_out: str
) -> list[EntityTally]:
    tallies: list[EntityTally] = []
    found = client.entity_tallies(publication, label=label, page_size=min(number, PAGE_LIMIT_ITEMS))
    async for tally in found:
        if left_out and _squeezed(tally.text) == left_out:
            continue
        tallies.append(tally)
        if len(tallies) == number:
            break
    return tallies


def _squeezed(name: str) -> str:
    """Return what is compared of a name: "The Daily Post" names itself "Daily Post"."""
    key = publication_key(name).removeprefix("the ")
    return "".join(filter(str.isalnum, key)) or key


async def _publications(
    unopened: NewstallyClient, number: int | None
) -> tuple[list[PublicationTally], tuple[str, ...]]:
    tallies: list[PublicationTally] = []
    async with unopened as client:
        async for tally in client.publications():
            tallies.append(tally)
            if len(tallies) == number:
                break
        return tallies, await client.models()
