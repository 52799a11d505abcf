"""`newstally top` and `newstally publications`."""

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer
from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.names import publication_key, shown
from rich.console import Console
from rich.table import Table
from rich.text import Text

from newstally.cli.running import (
    AsJson,
    Ca,
    Target,
    Tls,
    exit_codes,
    make_access,
    print_json,
    run,
    say,
)
from newstally.client import DEFAULT_TARGET, NewstallyClient
from newstally.errors import GaveUp, NotFound
from newstally.settings import Access, RetryPolicy
from newstally.values import EntityTally, PublicationTally

PATIENCE_SECONDS = 10.0
"""A person waits for the answer; an upload has more time."""
LABELS_FROM = 2 * PAGE_LIMIT_ITEMS
"""Among so many entities a label is looked for."""


def top(
    publication: Annotated[str, typer.Argument(help="In any spelling.")],
    *,
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
    as_json: AsJson = False,
) -> None:
    """Show which entities a publication mentions most."""
    with exit_codes(), _unreached(target):
        client = _client(target, make_access(ca, tls))
        try:
            tallies = run(_top(client, publication, label, number, own_name=own_name))
        except NotFound as error:
            raise NotFound(f"{error}; `newstally publications` lists those there are") from error
    if as_json:
        print_json([asdict(tally) for tally in tallies])
        return
    if tallies:
        _print_table(
            ("name", "label", "mentions", "articles"),
            [(t.name, t.label, t.mentions, t.articles) for t in tallies],
        )
    elif not label:
        say("no entities were found in its articles")


def publications(
    *,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help="At most so many; default: all.")
    ] = None,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    as_json: AsJson = False,
) -> None:
    """List the publications, those with most mentions first."""
    with exit_codes(), _unreached(target):
        tallies, models = run(_publications(_client(target, make_access(ca, tls)), number))
    if as_json:
        print_json([asdict(tally) for tally in tallies])
        return
    if not tallies:
        say("no publications yet; what was uploaded appears here when it is applied")
        return
    _print_table(
        ("publication", "articles", "mentions"),
        [(t.publication, t.articles, t.mentions) for t in tallies],
    )
    if len(models) > 1:
        say(
            "counted in several ways, so that the same thing may stand under different names: "
            + "; ".join(map(shown, models))
        )


async def _top(
    unopened: NewstallyClient, publication: str, label: str, number: int, *, own_name: bool
) -> list[EntityTally]:
    label = label.strip()
    left_out = "" if own_name else _squeezed(publication)
    async with unopened as client:
        for spelling in dict.fromkeys((label, label.upper())):
            if found := await _entities(client, publication, spelling, number, left_out):
                return found
        if not label:
            return []
        looked_at = await _entities(client, publication, "", LABELS_FROM, "")
        labels = sorted({tally.label for tally in looked_at})
        if same := next((each for each in labels if each.casefold() == label.casefold()), None):
            return await _entities(client, publication, same, number, left_out)
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


@contextlib.contextmanager
def _unreached(target: str | None) -> Iterator[None]:
    try:
        yield
    except GaveUp as error:
        raise GaveUp(
            f"gateway {target or DEFAULT_TARGET} has not answered for {PATIENCE_SECONDS:g} s; is it"
            f" running? `newstally up` starts one, --target names another ({error})"
        ) from error


def _client(target: str | None, access: Access) -> NewstallyClient:
    retry = RetryPolicy(give_up_after=PATIENCE_SECONDS)
    return NewstallyClient(target or DEFAULT_TARGET, access=access, retry=retry)


def _print_table(names: tuple[str, ...], rows: list[tuple[str | int, ...]]) -> None:
    table = Table(box=None, header_style="bold")
    numeric = [isinstance(cell, int) for cell in rows[0]]
    for name, right in zip(names, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # Text, not str: an entity may look like rich's markup.
        table.add_row(
            *(Text(f"{cell:,}" if isinstance(cell, int) else shown(cell)) for cell in row)
        )
    Console().print(table)
