"""`newstally export`."""

import contextlib
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from newstally.cli.asking import asking
from newstally.cli.reading.days import Since, Until, check, day
from newstally.cli.reading.parquet import Row
from newstally.cli.reading.writing import ExportFormat, format_of, make_writer, standard_output
from newstally.cli.running import Ca, KeyFile, Target, Tls, exit_codes, make_access, run, say
from newstally.client import NewstallyClient
from newstally.errors import InputError, NotFound
from newstally.files import replacing_bytes
from newstally.values import EntityTally

NAMES = ("publication", "text", "name", "label", "mentions", "articles")


def export(
    publication: Annotated[
        list[str] | None, typer.Argument(help="Only these, in any spelling; default: all.")
    ] = None,
    *,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="The file; default: standard output."),
    ] = None,
    form: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Default: as the file's name tells, or csv."),
    ] = None,
    label: Annotated[str, typer.Option(help="Only this label, for example PERSON.")] = "",
    since: Since = None,
    until: Until = None,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
) -> None:
    """Write tallies: a row for each entity of each publication, the most mentioned first.

    Columns: publication, text (the key), name (as readers write it), label, mentions, articles.
    With --since or --until, what articles of those days mention. While articles are counted a row
    may be missing or come twice; wait until all is applied.
    """
    check(first := day(since), last := day(until))
    with exit_codes(), asking(target, make_access(ca, tls, key_file)) as client:
        rows = _rows(client, publication, label.strip(), first, last)
        number = run(_write(client, rows, output, format_of(output, form)))
    say(f"{number:,} rows" + (f" in {output}" if output else ""))


async def _write(
    client: NewstallyClient, rows: AsyncIterator[Row], output: Path | None, form: ExportFormat
) -> int:
    number = 0
    try:
        async with client:
            with contextlib.ExitStack() as stack:
                where = standard_output() if output is None else replacing_bytes(output)
                file = stack.enter_context(where)
                writer = make_writer(form, file, NAMES)
                async for row in rows:
                    writer.write(row)
                    number += 1
                writer.close()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(f"{output or 'stdout'}: cannot be written: {error.strerror}") from error
    return number


async def _rows(
    client: NewstallyClient,
    names: list[str] | None,
    label: str,
    since: date | None,
    until: date | None,
) -> AsyncIterator[Row]:
    """Yield a row for each entity. Raises NotFound for a publication that is not there."""
    publications = names or [tally.publication async for tally in client.publications()]
    for name in publications:
        try:
            async for tally in _tallies(client, name, label, since, until):
                yield (name, tally.text, tally.name, tally.label, tally.mentions, tally.articles)
        except NotFound as error:
            raise NotFound(f"{name}: {error}; `newstally publications` lists all") from error


async def _tallies(
    client: NewstallyClient, name: str, label: str, since: date | None, until: date | None
) -> AsyncIterator[EntityTally]:
    if since is None and until is None:
        async for tally in client.entity_tallies(name, label=label):
            yield tally
        return
    found = await client.questions.ranking(
        name, since=since, until=until, label=label, limit=sys.maxsize
    )
    for tally in found.entities:
        yield tally
