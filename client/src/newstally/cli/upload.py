"""`newstally upload`."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from newstally.cli.running import (
    EXIT_MALFORMED,
    AsJson,
    Target,
    exit_codes,
    keep_quiet,
    print_json,
    run,
    say,
)
from newstally.cli.uploading.choosing import Choice, choose
from newstally.cli.uploading.display import FirstPass
from newstally.cli.uploading.dry_run import dry_run, tell_dry_run
from newstally.cli.uploading.reaching import early_target, reach
from newstally.cli.uploading.report import Report, allowed
from newstally.cli.uploading.sending import lost, send
from newstally.cli.uploading.states import VARIABLE, StateStore, default_directory
from newstally.errors import GaveUp, InputError, NotFound
from newstally.inputs import PIPE, Columns, Source, Survey, found, spooled, survey
from newstally.inputs.columns import ARTICLE_ID_NAMES, CONTENT_NAMES, PUBLICATION_NAMES
from newstally.inputs.formats import CSV, JSON, JSONL, TSV


class Format(StrEnum):
    """A format that can be told."""

    CSV = CSV
    TSV = TSV
    JSONL = JSONL
    JSON = JSON


def upload(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            help="CSV, TSV, JSON Lines or a JSON array, plain, .gz, .zst, .bz2, .xz, or in .zip and"
            " .tar; a pattern, or a folder with --recursive; - reads a pipe, to its end."
            " All together are one upload.",
        ),
    ],
    *,
    target: Target = None,
    upload_id: Annotated[
        str | None,
        typer.Option(help="Make or carry on this upload; default: that of the input."),
    ] = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on with the upload of this input begun here. What was piped must be piped"
            " again, the same bytes.",
        ),
    ] = False,
    again: Annotated[
        bool,
        typer.Option(
            "--again", help="Count the input once more, as another upload of a random id."
        ),
    ] = False,
    moved: Annotated[
        bool,
        typer.Option("--moved", help="Go on at another --target than where the upload was begun."),
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
    form: Annotated[
        Format | None,
        typer.Option("--format", help="How all is read; default: as names or contents tell."),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Read the files of folders, too.")
    ] = False,
    encoding: Annotated[
        str | None, typer.Option(help="How the files are encoded; default: utf-8.")
    ] = None,
    delimiter: Annotated[
        str | None,
        typer.Option(help="What separates the columns of CSV, one character or tab; default: ,"),
    ] = None,
    give_up_after: Annotated[
        float | None,
        typer.Option(help="Fail when nothing moved for so many seconds; default: never."),
    ] = None,
    skip: Annotated[int, typer.Option(min=0, help="Leave out so many records first.")] = 0,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Send at most so many records; default: all.")
    ] = None,
    dry: Annotated[
        bool,
        typer.Option("--dry-run", help="Read all, send nothing, show what would be sent."),
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait",
            help="Wait as long as it takes for a gateway that has never answered; default: 20 s.",
        ),
    ] = False,
    max_rejects: Annotated[
        str | None,
        typer.Option(
            metavar="N|P%",
            help="Fail when more records than that are malformed or refused; default: all may be.",
        ),
    ] = None,
    quiet: Annotated[
        bool,
        typer.Option("--quiet", "-q", help="No progress and no notes; errors and summary stay."),
    ] = False,
    state_dir: Annotated[
        Path | None,
        typer.Option(
            envvar=VARIABLE, help="Where the state for resuming is kept.", show_default=False
        ),
    ] = None,
) -> None:
    """Send articles from CSV or JSON files, each counted exactly once.

    A gateway that was there and goes is waited for as long as it takes.
    The same input is the same upload, from any machine: run again, the command
    goes on where the upload stands, or says that all is counted already.

    Malformed records are refused and told with their lines; the rest is
    counted, and the exit code is 3.
    """
    _check_options(
        publication,
        publication_column,
        give_up_after,
        again=again,
        named=resume or upload_id is not None,
    )
    columns = Columns(
        publication=(publication_column,) if publication_column else PUBLICATION_NAMES,
        content=(content_column,) if content_column else CONTENT_NAMES,
        article_id=(id_column,) if id_column else ARTICLE_ID_NAMES,
        constant_publication=publication,
    )
    read_as = {
        "--publication": publication,
        "--publication-column": publication_column,
        "--content-column": content_column,
        "--id-column": id_column,
        "--format": form,
        "--skip": str(skip) if skip else None,
        "--limit": None if limit is None else str(limit),
        "--max-rejects": max_rejects,
        "--encoding": encoding,
        "--delimiter": delimiter,
        # What is set in the environment stays set.
        "--state-dir": None
        if state_dir is None or str(state_dir) == os.environ.get(VARIABLE)
        else str(state_dir),
    }
    most_rejects = allowed(max_rejects)
    tell = keep_quiet if quiet else say
    store = StateStore(state_dir or default_directory(os.environ))
    with contextlib.ExitStack() as stack:
        with exit_codes(as_json=as_json):
            files = found(paths, recursive=recursive)
            early = early_target(store, target, upload_id, resume=resume)
            if early is not None and not dry:
                run(reach(early, give_up_after, wait=wait, tell=tell))
            source = Source(
                files,
                columns,
                told=form,
                skip=skip,
                limit=limit,
                encoding="utf-8" if encoding is None else encoding,
                delimiter=delimiter,
                piped=stack.enter_context(_piped()) if PIPE in files else None,
            )
            if dry:
                tell_dry_run(dry_run(source, FirstPass(source, tell)), as_json)
                return
            surveyed = survey(source, FirstPass(source, tell))
            most_rejects.check(surveyed.malformed, surveyed.records)
            choice = choose(
                store,
                surveyed.fingerprint,
                target=target,
                upload_id=upload_id,
                resume=resume,
                moved=moved,
                again=again,
            )
            if early is None:
                run(reach(choice.target, give_up_after, wait=wait, tell=tell))
        _tell_before(surveyed, choice, tell)
        hint = _how_to_go_on(paths, read_as, choice, recursive=recursive)
        with exit_codes(hint, as_json=as_json):
            try:
                report = run(
                    send(
                        *(source, surveyed, choice, store, give_up_after, wait_applied),
                        quiet=quiet,
                        most_rejects=most_rejects,
                    )
                )
            except GaveUp as error:
                raise GaveUp(f"{error}{hint}") from error
            except NotFound as error:
                if again:  # counting once more is what is wanted, so the next run begins anew
                    store.forget(choice.state)
                raise NotFound(lost(choice)) from error
    _tell_after(report, as_json)


def _check_options(
    publication: str | None,
    publication_column: str | None,
    give_up_after: float | None,
    *,
    again: bool,
    named: bool,
) -> None:
    if publication is not None and (publication_column or not publication.strip()):
        raise typer.BadParameter("--publication takes a name, and excludes --publication-column")
    if again and named:
        raise typer.BadParameter("--again makes an upload of a random id; leave the others out")
    if give_up_after is not None and not give_up_after > 0:  # nan is refused, too
        raise typer.BadParameter("--give-up-after takes seconds, above 0")


def _piped() -> contextlib.AbstractContextManager[BinaryIO]:
    if sys.stdin is None:
        raise InputError("-: standard input is closed")
    if sys.stdin.isatty():
        say("reading from the terminal; Ctrl-D ends it")
    return spooled(sys.stdin.buffer)


def _tell_before(surveyed: Survey, choice: Choice, tell: Callable[[str], None]) -> None:
    if not surveyed.records:
        tell("note: the input has no records")
    first = surveyed.first_malformed
    if first is not None:
        tell(
            f"note: {surveyed.malformed:,} of {surveyed.records:,} records are malformed and will"
            f" be refused, the first at {first.place}: {first.problem}"
        )
    if choice.note:
        tell(choice.note)


def _how_to_go_on(
    paths: list[Path], read_as: dict[str, str | None], choice: Choice, *, recursive: bool
) -> str:
    command = [
        *("newstally", "upload", *map(str, paths)),
        *(word for flag, value in read_as.items() if value for word in (flag, str(value))),
        *(("--recursive",) if recursive else ()),
        *(("--target", choice.target, "--moved") if choice.moved else ()),
        *("--resume", "--upload-id", choice.state.upload_id),
    ]
    how = "to go on, pipe the same bytes into" if PIPE in paths else "go on with"
    return f"; {how}: {shlex.join(command)}"


def _tell_after(report: Report, as_json: bool) -> None:
    if as_json:
        print_json(report.as_json())
    else:
        typer.echo(report.as_text())
    if report.malformed:
        raise typer.Exit(EXIT_MALFORMED)
