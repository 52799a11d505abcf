"""`newstally uploads` and `newstally refusals`: what was uploaded, and what was not counted."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer
from newstally_protos.names import shown

from newstally.cli.asking import asking
from newstally.cli.output.tables import print_table
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
from newstally.errors import NotFound, UnexpectedStatus
from newstally.values import Refusal, RefusalRange, Upload


def refusals(
    upload_id: Annotated[str, typer.Argument(metavar="ID", help="As the upload's summary says.")],
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
    """List the articles of an upload that were refused, by offset.

    An article's offset is its place in the input, from 0. Of very many the first are listed one by
    one, the others as ranges.
    """
    with (
        exit_codes(as_json=as_json),
        asking(target, make_access(ca, tls, key_file)) as client,
        _known(upload_id),
    ):
        upload, found, ranges = run(_refusals(client, upload_id, number))
    if as_json:
        print_json([*map(_as_json, found), *map(_range_as_json, ranges)])
    for refusal in () if as_json else found:
        name = f" ({refusal.article_id})" if refusal.article_id else ""
        typer.echo(shown(f"article {refusal.offset:,}{name}: {refusal.reason}: {refusal.message}"))
    for each in () if as_json else ranges:
        typer.echo(
            f"articles {each.first_offset:,} to {each.end_offset - 1:,}: {each.reason}:"
            f" {each.articles:,} of them"
        )
    rest = upload.refused - len(found) - sum(each.articles for each in ranges)
    if number is None and rest > 0:
        say(f"note: {rest:,} more were refused; of so many the gateway does not keep each")
    elif not found:
        say(f"no article of upload {upload_id} was refused; {upload.next_offset:,} are settled")


def _as_json(refusal: Refusal) -> dict[str, Any]:
    return {
        "offset": refusal.offset,
        "article_id": refusal.article_id,
        "reason": refusal.reason.value,
        "message": refusal.message,
    }


def _range_as_json(found: RefusalRange) -> dict[str, Any]:
    return {**asdict(found), "reason": found.reason.value}


def list_uploads(
    context: typer.Context,
    *,
    number: Annotated[int, typer.Option("-n", "--number", min=1, help="At most so many.")] = 20,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """List your uploads, those made last first; `newstally uploads show ID` tells all of one.

    No command deletes one: its record is what keeps the same input from being counted twice.
    """
    if context.invoked_subcommand is not None:
        return
    with exit_codes(as_json=as_json), asking(target, make_access(ca, tls, key_file)) as client:
        found = run(_uploads(client, number))
    if as_json:
        print_json([_upload_as_json(upload) for upload in found])
    elif not found:
        say("no uploads yet")
    else:
        print_table(
            ("upload", "made (UTC)", "settled", "counted", "refused", "applied", "mentions"),
            [
                (
                    upload.upload_id,
                    f"{upload.create_time:%Y-%m-%d %H:%M}",
                    *(upload.next_offset, upload.counted, upload.refused),
                    *(upload.applied_offset, upload.mentions),
                )
                for upload in found
            ],
        )


def show_upload(
    upload_id: Annotated[str, typer.Argument(metavar="ID", help="As the upload's summary says.")],
    *,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    key_file: KeyFile = None,
    as_json: AsJson = False,
) -> None:
    """Tell all of one upload."""
    with (
        exit_codes(as_json=as_json),
        asking(target, make_access(ca, tls, key_file)) as client,
        _known(upload_id),
    ):
        upload, reasons = run(_upload(client, upload_id))
    told = _upload_as_json(upload)
    told["set_aside_rows"] = upload.set_aside_rows
    told["refused_by_reason"] = dict(reasons)
    if as_json:
        print_json(told)
        return
    for name, value in told.items():
        typer.echo(shown(f"{name.replace('_', ' '):18}  {_as_text(value)}"))
    if upload.set_aside_rows:
        say(
            "note: the sink refuses rows, of whichever uploads; they wait in the journal"
            " (`newstally-persister set-aside` lists them where the persister runs)"
        )


@contextlib.contextmanager
def _known(upload_id: str) -> Iterator[None]:
    """Say where the ids are, of an upload that is not there or another owner's."""
    try:
        yield
    except NotFound as error:
        raise NotFound(
            f"no upload {upload_id} of yours is known there (NOT_FOUND); `newstally uploads` lists"
            " yours"
        ) from error


def _as_text(value: object) -> str:
    match value:
        case dict():
            return ", ".join(f"{number:,} {name}" for name, number in value.items()) or "none"
        case list():
            return "; ".join(value) or "none"
        case int():
            return f"{value:,}"
        case _:
            return str(value)


def _upload_as_json(upload: Upload) -> dict[str, Any]:
    return {
        "upload_id": upload.upload_id,
        "next_offset": upload.next_offset,
        "applied_offset": upload.applied_offset,
        "counted": upload.counted,
        "refused": upload.refused,
        "mentions": upload.mentions,
        "models": list(upload.models),
        "create_time": upload.create_time.isoformat(),
        "update_time": upload.update_time.isoformat(),
    }


async def _uploads(client: NewstallyClient, number: int) -> list[Upload]:
    found: list[Upload] = []
    async with client:
        try:
            async for upload in client.uploads():
                found.append(upload)
                if len(found) == number:
                    break
        except UnexpectedStatus as error:
            raise UnexpectedStatus(
                f"{error}; services of release 0.2 list no uploads: upgrade them"
            ) from error
    return found


async def _upload(client: NewstallyClient, upload_id: str) -> tuple[Upload, Counter[str]]:
    reasons: Counter[str] = Counter()
    async with client:
        upload = await client.get_upload(upload_id)
        if upload.refused:
            async for refusal in client.refusals(upload_id):
                reasons[refusal.reason.value] += 1
            for found in await client.refusal_ranges(upload_id):
                reasons[found.reason.value] += found.articles
    return upload, reasons


async def _refusals(
    client: NewstallyClient, upload_id: str, number: int | None
) -> tuple[Upload, list[Refusal], list[RefusalRange]]:
    found: list[Refusal] = []
    async with client:
        upload = await client.get_upload(upload_id)
        async for refusal in client.refusals(upload_id):
            found.append(refusal)
            if len(found) == number:
                break
        whole = len(found) == upload.refused or number is not None
        return upload, found, [] if whole else await client.refusal_ranges(upload_id)
