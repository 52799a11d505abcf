"""`newstally upload`."""

import contextlib
import os
import shlex
import time
from pathlib import Path
from typing import Annotated

import typer

from newstally.cli.choosing import Choice, choose
from newstally.cli.display import Display, make_display
from newstally.cli.report import SHOWN_REFUSALS, Report, locate
from newstally.cli.running import AsJson, Target, exit_codes, print_json, run, say
from newstally.client import NewstallyClient
from newstally.errors import GaveUp, InputError, NotFound, PermanentError
from newstally.inputs import Columns, Source, Survey, survey
from newstally.inputs.columns import ARTICLE_ID_NAMES, CONTENT_NAMES, PUBLICATION_NAMES
from newstally.settings import RetryPolicy
from newstally.states import VARIABLE, Stage, StateStore, default_directory
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
        typer.Option(help="Fail when nothing moved for so many seconds; default: never."),
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
    if give_up_after is not None and not give_up_after > 0:  # nan is refused, too
        raise typer.BadParameter("--give-up-after takes seconds, above 0")
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
    read_as = {
        "--publication": publication,
        "--publication-column": publication_column,
        "--content-column": content_column,
        "--id-column": id_column,
    }
    hint = "; go on with: newstally upload " + shlex.join(
        [
            *map(str, paths),
            *(word for flag, value in read_as.items() if value for word in (flag, value)),
            *("--resume", "--upload-id", choice.state.upload_id),
        ]
    )
    with exit_codes(hint):
        try:
            report = run(_send(source, surveyed, choice, store, give_up_after, wait_applied))
        except GaveUp as error:
            raise GaveUp(f"{error}{hint}") from error
        except NotFound as error:
            raise NotFound(_lost(choice)) from error
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
            await _open_upload(client, choice, store, surveyed.records, display)
            with contextlib.closing(source.records()) as records:
                articles = (record.article for record in records)
                summary = await client.upload(
                    articles, upload_id=upload_id, must_exist=True, on_event=display
                )
        seconds = time.monotonic() - begin
        store.advance(choice.state, Stage.FINISHED)
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


async def _open_upload(
    client: NewstallyClient, choice: Choice, store: StateStore, records: int, display: Display
) -> None:
    """Make the upload or find it, and check that it can be of this input.

    A new upload that fails here for good leaves no state behind: the next run must not take it for
    one that was checked.
    """
    upload_id = choice.state.upload_id
    if choice.state.stage is not Stage.BEGUN:
        # Making it anew would count again what was settled before it was lost.
        _check_not_beyond(await client.get_upload(upload_id, on_event=display), records)
        return
    try:
        upload = await client.create_upload(upload_id, on_event=display)
        _check_not_beyond(upload, records)
    except PermanentError:
        store.forget(choice.state)
        raise
    if upload.next_offset:
        say(
            f"note: {upload.next_offset} articles of upload {upload_id} were settled by somebody"
            " else; if this is another input, its first articles are not counted"
        )
    store.advance(choice.state, Stage.CREATED)  # on disk before the first article is sent


def _check_not_beyond(upload: Upload, records: int) -> None:
    """Somebody else may have sent another input under this id, whoever made the upload."""
    if upload.next_offset > records:
        raise InputError(
            f"upload {upload.upload_id} has {upload.next_offset} articles settled, but this input"
            f" has only {records}: it is of another input"
        )


def _lost(choice: Choice) -> str:
    return (
        f"upload {choice.state.upload_id} is not known at {choice.target} any more (NOT_FOUND): the"
        " persister's data was replaced, or this is another gateway. What was settled before may be"
        " in the sink and stays counted there; a new upload counts it again. If that is wanted, run"
        " the command without --resume and --upload-id"
    )


async def _first_refusals(client: NewstallyClient, upload_id: str) -> list[Refusal]:
    found: list[Refusal] = []
    async for refusal in client.refusals(upload_id):
        found.append(refusal)
        if len(found) == SHOWN_REFUSALS:
            break
    return found
