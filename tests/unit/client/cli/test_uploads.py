"""`newstally refusals` and `newstally uploads`."""

import json
from pathlib import Path

from support.reference_gateway import ReferenceGateway

from .conftest import Run


async def test_all_refusals_of_an_upload_are_listed(run: Run, tmp_path: Path) -> None:
    """Over all pages; what moves the cursor, or turns lines round, is written out for people."""
    path = tmp_path / "a.jsonl"
    row = {"source": "P", "text": "", "id": "a\x1b[2J\u202e"}
    path.write_text((json.dumps(row) + "\n") * 1203)
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", path, *options, "--upload-id", "job")
        text = await run("refusals", "job", *options)
        as_json = await run("refusals", "job", *options, "--json")
        few = await run("refusals", "job", *options, "-n", "2")
    assert len(text.stdout.splitlines()) == len(json.loads(as_json.stdout)) == 1203
    assert json.loads(as_json.stdout)[-1]["offset"] == 1202
    assert text.stdout.startswith("article 0 (a\\x1b[2J\\u202e): CONTENT_EMPTY: content_empty\n")
    assert (len(few.stdout.splitlines()), few.stderr) == (2, "")


async def test_what_has_no_refusals_and_what_is_not_there_is_told(run: Run, articles: Path) -> None:
    """Exit code 0 and 1."""
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", articles, *options, "--upload-id", "job")
        none = await run("refusals", "job", *options)
        unknown = await run("refusals", "other", *options)
    assert (none.exit_code, none.stdout) == (0, "")
    assert "no article of upload job was refused; 30 are settled" in none.stderr
    assert unknown.exit_code == 1
    assert (
        "no upload other of yours is known there (NOT_FOUND); `newstally uploads`" in unknown.stderr
    )


async def test_more_refusals_than_are_kept_is_told(run: Run, tmp_path: Path) -> None:
    """The gateway counts them all and lists the first."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "P", "text": ""}\n' * 5)
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", path, *options, "--upload-id", "job")
        gateway.kept_refusals = 3
        result = await run("refusals", "job", *options)
    assert len(result.stdout.splitlines()) == 3
    assert "note: 2 more were refused" in result.stderr


async def test_uploads_are_listed_and_shown(run: Run, tmp_path: Path) -> None:
    """Those made last first; one with all that is known of it."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "P", "text": "x"}\n{"source": "P", "text": ""}\n')
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        none = await run("uploads", *options)
        for name in ("first", "second"):
            await run("upload", path, *options, "--upload-id", name)
        table = await run("uploads", *options)
        last = await run("uploads", *options, "--json", "-n", "1")
        shown = await run("uploads", "show", "first", *options)
        as_json = await run("uploads", "show", "first", *options, "--json")
        unknown = await run("uploads", "show", "other", *options)
    assert (none.exit_code, none.stdout, none.stderr) == (0, "", "no uploads yet\n")
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["upload", "second", "first"]
    assert [upload["upload_id"] for upload in json.loads(last.stdout)] == ["second"]
    assert "refused by reason   1 CONTENT_EMPTY\n" in shown.stdout
    assert "set aside rows      0\n" in shown.stdout
    found = json.loads(as_json.stdout)
    assert (found["counted"], found["refused_by_reason"]) == (1, {"CONTENT_EMPTY": 1})
    assert unknown.exit_code == 1
    assert (
        "no upload other of yours is known there (NOT_FOUND); `newstally uploads`" in unknown.stderr
    )
