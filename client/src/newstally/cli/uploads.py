"""`newstally refusals`: what of an upload was not counted, and why."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

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
from newstally.settings import Access, RetryPolicy
from newstally.values import Refusal, RefusalRange, Upload

PATIENCE_SECONDS = 10.0
"""A person waits for the answer."""


def refusals(
    upload_id: Annotated[str, typer.Argument(metavar="ID", help="As the upload's summary says.")],
    *,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help="At most so many; default: all.")
    ] = None,
    target: Target = None,
    ca: Ca = None,
    tls: Tls = None,
    as_json: AsJson = False,
) -> None:
    """List the articles of an upload that were refused, by offset.

    An article's offset is its place in the input, from 0. Of very many the first are listed one by
    one, the others as ranges.
    """
    with exit_codes(as_json=as_json):
        access = make_access(ca, tls)
        upload, found, ranges = run(_refusals(target or DEFAULT_TARGET, access, upload_id, number))
    if as_json:
        print_json([*map(_as_json, found), *map(_range_as_json, ranges)])
    for refusal in () if as_json else found:
        name = f" ({refusal.article_id})" if refusal.article_id else ""
        typer.echo(
            f"article {refusal.offset:,}{name}: {refusal.reason}: {refusal.message}".translate(
                _CONTROL
            )
        )
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


_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")
"""An article_id is anybody's text: it moves no cursor."""


def _as_json(refusal: Refusal) -> dict[str, Any]:
    return {
        "offset": refusal.offset,
        "article_id": refusal.article_id,
        "reason": refusal.reason.value,
        "message": refusal.message,
    }


def _range_as_json(found: RefusalRange) -> dict[str, Any]:
    return {**asdict(found), "reason": found.reason.value}


async def _refusals(
    target: str, access: Access, upload_id: str, number: int | None
) -> tuple[Upload, list[Refusal], list[RefusalRange]]:
    found: list[Refusal] = []
    retry = RetryPolicy(give_up_after=PATIENCE_SECONDS)
    async with NewstallyClient(target, access=access, retry=retry) as client:
        upload = await client.get_upload(upload_id)
        async for refusal in client.refusals(upload_id):
            found.append(refusal)
            if len(found) == number:
                break
        whole = len(found) == upload.refused or number is not None
        return upload, found, [] if whole else await client.refusal_ranges(upload_id)
