"""`newstally upload`."""

import contextlib
import os
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import typer
from typer.core import TyperOption

from newstally.cli.running import (
    EXIT_MALFORMED,
    EXIT_USAGE,
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
from newstally.cli.uploading import options
from newstally.cli.uploading.choosing import Choice, choose
from newstally.cli.uploading.dry_run import dry_run, tell_dry_run
from newstally.cli.uploading.options import EncodingErrors
from newstally.cli.uploading.reaching import early_target, reach
from newstally.cli.uploading.rejecting.gathering import Rejected, gather
from newstally.cli.uploading.rejecting.rejects import (
    MostRejects,
    allowed,
    check_path,
    default_path,
)
from newstally.cli.uploading.report import Report
from newstally.cli.uploading.sending import Task, lost, send
from newstally.cli.uploading.states import StateStore, default_directory
from newstally.cli.uploading.streaming import stream
from newstally.cli.uploading.tracing import traced
from newstally.cli.uploading.voice import Voice
from newstally.errors import GaveUp, InputError, NotFound
from newstally.inputs import PIPE, Columns, Source, Survey, found, spooled, survey, unknown
from newstally.inputs.dating import Dating
from newstally.inputs.readers.columns import (
    ARTICLE_ID_NAMES,
    CONTENT_NAMES,
    PUBLICATION_NAMES,
    TIME_NAMES,
)

_NOT_SAID_AGAIN = frozenset(
    {
        # Which upload it is, and where: the command says that itself.
        *("upload_id", "resume", "again", "moved", "target"),
        # How it is sent and shown, which may be another way the next time.
        *("dry", "wait", "wait_applied", "give_up_after", "rate", "quiet", "as_json"),
        "json_progress",
    }
)
"""Options left out of the command that goes on. In it are those that say how the input is read, how
much of it may be rejected, and how the gateway is reached."""


def upload(
    context: typer.Context,
    paths: options.Paths,
    *,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    upload_id: options.UploadId = None,
    resume: options.Resume = False,
    again: options.Again = False,
    moved: options.Moved = False,
    wait_applied: options.WaitApplied = False,
    as_json: AsJson = False,
    publication: options.Publication = None,
    publication_column: options.PublicationColumn = None,
    content_column: options.ContentColumn = None,
    id_column: options.IdColumn = None,
    time_column: options.TimeColumn = None,
    day_first: options.DayFirst = None,
    form: options.Form = None,
    recursive: options.Recursive = False,
    encoding: options.Encoding = None,
    encoding_errors: options.OnEncodingError = EncodingErrors.STRICT,
    delimiter: options.Delimiter = None,
    give_up_after: options.GiveUpAfter = None,
    skip: options.Skip = 0,
    limit: options.Limit = None,
    dry: options.DryRun = False,
    wait: options.Wait = False,
    max_rejects: options.MaxRejects = None,
    rejects: options.Rejects = None,
    rate: options.Rate = None,
    quiet: options.Quiet = False,
    json_progress: options.JsonProgress = False,
    state_dir: options.StateDir = None,
) -> None:
    """Send articles from CSV, JSON or Parquet files, each counted exactly once.

    A gateway that was there and goes is waited for as long as it takes.
    The same input is the same upload, from any machine: run again, the command
    goes on where the upload stands, or says that all is counted already.

    Malformed records are refused and told with their lines; the rest is
    counted, and the exit code is 3.
    """
    _check_options(
        publication,
        publication_column,
        again=again,
        named=resume or upload_id is not None,
    )
    columns = _columns(
        publication, publication_column, content_column, id_column, time_column, day_first
    )
    most_rejects = allowed(max_rejects)
    voice = Voice(quiet=quiet, as_json=json_progress)
    store = StateStore(state_dir or default_directory(os.environ))
    with contextlib.ExitStack() as stack:
        with exit_codes(as_json=as_json, tell=voice.error):
            stack.enter_context(traced(voice))
            access = make_access(ca, tls, key_file)
            files = found(paths, recursive=recursive)
            if rejects is not None:
                check_path(rejects, files)
            early = early_target(store, target, upload_id, resume=resume)
            if early is not None and not dry:
                run(reach(early, access, give_up_after, wait=wait, tell=voice.note))
            once = files == [PIPE] and upload_id is not None and not dry
            most_rejects.check_known(known=not once)
            source = Source(
                files,
                columns,
                told=form,
                skip=skip,
                limit=limit,
                encoding="utf-8" if encoding is None else encoding,
                encoding_errors=encoding_errors,
                delimiter=delimiter,
                piped=stack.enter_context(_piped(voice, once=once)) if PIPE in files else None,
                once=once,
            )
            if dry:
                would = dry_run(source, voice.first_pass(source))
                tell_dry_run(would, as_json, most_rejects, voice.error)
                return
            surveyed = unknown(source) if once else _survey(source, voice, most_rejects)
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
                run(reach(choice.target, access, give_up_after, wait=wait, tell=voice.note))
        _tell_before(surveyed, choice, voice.note)
        hint = _how_to_go_on(context, paths, choice)
        with exit_codes(hint, as_json=as_json, tell=voice.error):
            task = Task(
                *(source, choice, store, access, voice, most_rejects),
                give_up_after=give_up_after,
                rate=rate,
                wait_applied=wait_applied,
            )
            path = rejects or default_path(paths)
            with _explained(choice, store, hint, again=again):
                report = _stream(task, path) if once else _send(task, surveyed, path)
    _tell_after(report, as_json, voice, strict=rejects is not None)


def _survey(source: Source, voice: Voice, most_rejects: MostRejects) -> Survey:
    """Read all of the input. Raises InputError where it is not to be sent."""
    surveyed = survey(source, voice.first_pass(source))
    if not surveyed.records:
        raise InputError("the input has no records")
    most_rejects.check(surveyed.malformed, surveyed.records)
    return surveyed


def _send(task: Task, surveyed: Survey, path: Path) -> Report:
    sent, rejected = run(send(task, surveyed)), Rejected()
    if sent.summary.refused:
        rejected = gather(task.source, sent.verdicts, task.choice.state.upload_id, path)
    return Report(sent, surveyed.malformed, rejected, surveyed.dating)


def _stream(task: Task, path: Path) -> Report:
    sent, rejected, malformed = run(stream(task, path))
    return Report(sent, malformed, rejected, Dating())


@contextlib.contextmanager
def _explained(choice: Choice, store: StateStore, hint: str, *, again: bool) -> Iterator[None]:
    """Say how to go on."""
    try:
        yield
    except GaveUp as error:
        raise GaveUp(f"{error}{hint}") from error
    except NotFound as error:
        if again:  # counting once more is what is wanted, so the next run begins anew
            store.forget(choice.state)
        raise NotFound(lost(choice)) from error


def _check_options(
    publication: str | None,
    publication_column: str | None,
    *,
    again: bool,
    named: bool,
) -> None:
    if publication is not None and (publication_column or not publication.strip()):
        raise typer.BadParameter("--publication takes a name, and excludes --publication-column")
    if again and named:
        raise typer.BadParameter("--again makes an upload of a random id; leave the others out")


def _columns(
    publication: str | None,
    publication_column: str | None,
    content_column: str | None,
    id_column: str | None,
    time_column: str | None,
    day_first: bool | None,
) -> Columns:
    """Return where the fields of an article are."""
    return Columns(
        publication=(publication_column,) if publication_column else PUBLICATION_NAMES,
        content=(content_column,) if content_column else CONTENT_NAMES,
        article_id=(id_column,) if id_column else ARTICLE_ID_NAMES,
        constant_publication=publication,
        time=(time_column,) if time_column else TIME_NAMES,
        day_first=day_first,
    )


def _piped(voice: Voice, *, once: bool) -> contextlib.AbstractContextManager[BinaryIO]:
    if sys.stdin is None:
        raise InputError("-: standard input is closed")
    if sys.stdin.isatty():
        say("reading from the terminal; Ctrl-D ends it")
    return _unbuffered() if once else spooled(sys.stdin.buffer, voice.piping())


@contextlib.contextmanager
def _unbuffered() -> Iterator[BinaryIO]:
    """Give standard input without Python's buffer, which a waiting thread would hold at the end."""
    try:
        descriptor = os.dup(sys.stdin.fileno())
    except (OSError, ValueError):  # it is none of the system's
        yield sys.stdin.buffer
        return
    # Left open: a thread may still read when the command ends.
    yield cast("BinaryIO", os.fdopen(descriptor, "rb", buffering=0, closefd=False))


def _tell_before(surveyed: Survey, choice: Choice, tell: Callable[[str], None]) -> None:
    first = surveyed.first_malformed
    if first is not None:
        tell(
            f"note: {surveyed.malformed:,} of {surveyed.records:,} records are malformed and will"
            f" be refused, the first at {first.place}: {first.problem}"
        )
    if choice.note:
        tell(choice.note)


def _how_to_go_on(context: typer.Context, paths: list[Path], choice: Choice) -> str:
    """Return what to append to a message where an upload was cut off."""
    command = [
        *("newstally", "upload", *map(_argument, paths)),
        *_said(context),
        *(("--target", choice.target, "--moved") if choice.moved else ()),
        *("--resume", "--upload-id", choice.state.upload_id),
    ]
    how = "to go on, pipe the same bytes into" if PIPE in paths else "go on with"
    return f"; {how}: {shlex.join(command)}"


def _said(context: typer.Context) -> Iterator[str]:
    """Yield the options to say again: what is set in the environment stays set."""
    for option in context.command.params:
        name = str(option.name)
        source = context.get_parameter_source(name)
        if (
            not isinstance(option, TyperOption)
            or name in _NOT_SAID_AGAIN
            or source is None
            or source.name not in ("COMMANDLINE", "DEFAULT_MAP")
        ):
            continue
        match context.params[name]:
            case True:
                yield option.opts[0]
            case False:
                yield from option.secondary_opts[:1]
            case value:
                yield option.opts[0]
                yield str(value)


def _argument(path: Path) -> str:
    """Return the path as no option can be written."""
    return f"./{path}" if path != PIPE and str(path).startswith("-") else str(path)


def _tell_after(report: Report, as_json: bool, voice: Voice, *, strict: bool) -> None:
    """Rejects that cannot be written are an error where the user said where they go."""
    if as_json:
        print_json(report.as_json())
    else:
        typer.echo(report.as_text())
    if report.rejected.problem:
        if strict:
            voice.error(f"error: {report.rejected.problem}")
            raise typer.Exit(EXIT_USAGE)
        voice.note(f"note: {report.rejected.problem}")
    if report.malformed:
        raise typer.Exit(EXIT_MALFORMED)
