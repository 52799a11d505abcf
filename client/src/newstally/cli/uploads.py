"""`newstally refusals`: what of an upload was not counted, and why."""

from typing import Annotated, Any

import typer

from newstally.cli.running import AsJson, Target, exit_codes, print_json, run, say
from newstally.client import DEFAULT_TARGET, NewstallyClient
from newstally.settings import RetryPolicy
from newstally.values import Refusal, Upload

PATIENCE_SECONDS = 10.0
"""A person waits for the answer."""


def refusals(
    upload_id: Annotated[str, typer.Argument(metavar="ID", help="As the upload's summary says.")],
    *,
    number: Annotated[
        int | None, typer.Option("-n", "--number", min=1, help="At most so many; default: all.")
    ] = None,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """List the articles of an upload that were refused, by offset.

    An article's offset is its place in the input, from 0.
    """
    with exit_codes(as_json=as_json):
        upload, found = run(_refusals(target or DEFAULT_TARGET, upload_id, number))
    if as_json:
        print_json([_as_json(refusal) for refusal in found])
    for refusal in () if as_json else found:
        name = f" ({refusal.article_id})" if refusal.article_id else ""
        typer.echo(
            f"article {refusal.offset:,}{name}: {refusal.reason}: {refusal.message}".translate(
                _CONTROL
            )
        )
    if number is None and len(found) < upload.refused:
        say(
            f"note: {upload.refused - len(found):,} more were refused; of so many the gateway does"
            " not keep each"
        )
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


async def _refusals(
    target: str, upload_id: str, number: int | None
) -> tuple[Upload, list[Refusal]]:
    found: list[Refusal] = []
    async with NewstallyClient(target, retry=RetryPolicy(give_up_after=PATIENCE_SECONDS)) as client:
        upload = await client.get_upload(upload_id)
        async for refusal in client.refusals(upload_id):
            found.append(refusal)
            if len(found) == number:
                break
    return upload, found
