"""`newstally upload`."""

import contextlib
import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from newstally.cli.choosing import Choice, choose
from newstally.cli.display import make_display
from newstally.cli.report import SHOWN_REFUSALS, Report, locate
from newstally.cli.running import AsJson, Target, exit_codes, print_json, run, say
from newstally.client import NewstallyClient
from newstally.errors import GaveUp, InputError
from newstally.inputs import Columns, Source, Survey, survey
from newstally.inputs.columns import ARTICLE_ID_NAMES, CONTENT_NAMES, PUBLICATION_NAMES
from newstally.settings import RetryPolicy
from newstally.states import VARIABLE, StateStore, default_directory
from newstally.values import Refusal, Upload


def upload(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help=".csv, .jsonl or .ndjson, with .gz or without; one upload."
        ),
    ],
    *,
    target: Target = None,
    upload_id: Annotated[
        str | None, typer.Option(help="Make or carry on this upload; default: a new one.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the upload of this input begun here.")
    ] = False,
    wait_applied: Annotated[
        bool, typer.Option("--wait-applied", help="Wait until all tallies are in the sink.")
    ] = False,
    as_json: AsJson = False,
    publication: Annotated[
        str | None, typer.Option(help="The publication of every article, instead of a column.")
    ] = None,
    publication_column: Annotated[
        str | None, typer.Option(help=f"Default: {' or '.join(PUBLICATION_NAMES)}.")
    ] = None,
    content_column: Annotated[
        str | None, typer.Option(help=f"Default: {' or '.join(CONTENT_NAMES)}.")
    ] = None,
    id_column: Annotated[
        str | None, typer.Option(help=f"Default: {' or '.join(ARTICLE_ID_NAMES)}, if there is one.")
    ] = None,
    give_up_after: Annotated[
        float | None,
        typer.Option(min=0.0, help="Fail when nothing moved for so many seconds; default: never."),
    ] = None,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            envvar=VARIABLE, help="Where the state for resuming is kept.", show_default=False
        ),
    ] = None,
) -> None:
    """Send articles from CSV or JSON Lines files, each counted exactly once.

    It waits for the gateway as long as it takes and goes on by itself. After an interruption,
    --resume goes on where the upload stands.
    """
    if publication is not None and (publication_column or not publication.strip()):
        raise typer.BadParameter("--publication takes a name, and excludes --publication-column")
    columns = Columns(
        publication=(publication_column,) if publication_column else PUBLICATION_NAMES,
        content=(content_column,) if content_column else CONTENT_NAMES,
        article_id=(id_column,) if id_column else ARTICLE_ID_NAMES,
        constant_publication=publication,
    )
    store = StateStore(state_dir or default_directory(os.environ))
    with exit_codes():
        source = Source(paths, columns)
        surveyed = survey(source)
        choice = choose(
            store, surveyed.fingerprint, target=target, upload_id=upload_id, resume=resume
        )
    if choice.note:
        say(choice.note)
    hint = "; go on with: newstally upload " + shlex.join(
        [*map(str, paths), "--resume", "--upload-id", choice.state.upload_id]
    )
    with exit_codes(hint):
        try:
            report = run(_send(source, surveyed, choice, store, give_up_after, wait_applied))
        except GaveUp as error:
            raise GaveUp(f"{error}{hint}") from error
    if as_json:
        print_json(report.as_json())
    else:
        typer.echo(report.as_text())


async def _send(
    source: Source,
    surveyed: Survey,
    choice: Choice,
    store: StateStore,
    give_up_after: float | None,
    wait_applied: bool,
) -> Report:
    begin = time.monotonic()
    upload_id = choice.state.upload_id
    retry = RetryPolicy(give_up_after=give_up_after)
    async with NewstallyClient(choice.target, retry=retry) as client:
        with make_display(surveyed.records, choice.target) as display:
            before = await client.create_upload(upload_id, on_event=display)
            if not choice.known:
                _check_begun_elsewhere(before, surveyed.records)
            with contextlib.closing(source.records()) as records:
                articles = (record.article for record in records)
                summary = await client.upload(articles, upload_id=upload_id, on_event=display)
        seconds = time.monotonic() - begin
        store.finish(choice.state)
        applied_offset = summary.applied_offset
        if wait_applied:
            say("waiting until all tallies are in the sink")
            applied_offset = (await client.wait_applied(upload_id)).applied_offset
        refusals = await _first_refusals(client, upload_id) if summary.refused else []
    return Report(
        summary=summary,
        applied_offset=applied_offset,
        malformed=surveyed.malformed,
        seconds=seconds,
        refusals=locate(source, refusals),
    )


def _check_begun_elsewhere(upload: Upload, records: int) -> None:
    """Nothing tells whether an upload that this machine did not begin is of the same input."""
    if upload.next_offset > records:
        raise InputError(
            f"upload {upload.upload_id} has {upload.next_offset} articles settled, but this input"
            f" has only {records}: it is of another input"
        )
    if upload.next_offset:
        say(
            f"note: {upload.next_offset} articles of upload {upload.upload_id} were settled by"
            " somebody else; if this is another input, its first articles are not counted"
        )


async def _first_refusals(client: NewstallyClient, upload_id: str) -> list[Refusal]:
    found: list[Refusal] = []
    async for refusal in client.refusals(upload_id):
        found.append(refusal)
        if len(found) == SHOWN_REFUSALS:
            break
    return found
