"""The rejects of an upload: all that was not counted, to mend and send again."""

import json
from pathlib import Path
from typing import Any

import pytest
from newstally import Article, Refusal, RefusalReason
from newstally.cli.uploading.rejecting.verdicts import Verdicts
from newstally.inputs import Record
from newstally.values import MALFORMED, RefusalRange
from support.reference_gateway import ReferenceGateway

from .conftest import Run

CSV = 'source,text,id\nP,good,1\nP,,2\nP,"a\nb",3,4\nP,fine,5\n,late,6\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "in.csv"
    path.write_text(CSV)
    return path


def rejects(path: Path) -> list[dict[str, Any]]:
    file = path.with_name(path.name + ".rejected.jsonl")
    return [json.loads(line) for line in file.read_text().splitlines()]


async def test_all_that_was_rejected_is_there_and_can_be_sent_again(run: Run, path: Path) -> None:
    """File, line, reason, content; sent as it is nothing of it counts, mended it does."""
    file = path.with_name("in.csv.rejected.jsonl")
    async with ReferenceGateway() as gateway:
        first = await run("upload", path, "--target", gateway.target, "--upload-id", "job")
        found = rejects(path)
        again = await run("upload", file, "--target", gateway.target, "--json")
        for article in found:
            article.update(publication="P", content=article["content"] or "mended")
        file.write_text("".join(json.dumps(article) + "\n" for article in found))
        mended = await run("upload", file, "--target", gateway.target, "--json")
        sent = gateway.articles(json.loads(mended.stdout)["upload_id"])
    assert first.exit_code == 3
    assert f"rejects, to mend and send again: {file}" in first.stdout
    assert [(each["rejected"]["line"], each["rejected"]["reason"]) for each in found] == [
        (3, "CONTENT_EMPTY"),
        (4, "MALFORMED"),
        (7, "PUBLICATION_EMPTY"),
    ]
    assert found[0]["article_id"] == "2"
    assert found[1]["record"] == 'P,"a\nb",3,4'
    assert found[1]["rejected"]["message"] == "4 columns, but the header has 3"
    assert found[2]["content"] == "late"
    assert {each["rejected"]["path"] for each in found} == {str(path)}
    assert (json.loads(again.stdout)["counted"], json.loads(again.stdout)["refused"]) == (0, 3)
    assert sent == [("P", "mended"), ("P", "mended"), ("P", "late")]


@pytest.mark.parametrize("listed", [None, 3])
async def test_they_are_complete_after_a_crash(
    run: Run, tmp_path: Path, listed: int | None
) -> None:
    """Cut off in the middle and gone on with, and also where the gateway only tells ranges."""
    path = tmp_path / "in.jsonl"
    rows = [{"source": "P", "text": "" if n % 3 else f"x {n}"} for n in range(200)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    async with ReferenceGateway(batch=10) as gateway:
        gateway.kept_refusals, gateway.tells_ranges = listed, True
        command = ("upload", path, "--target", gateway.target)
        stopped = await run(*command, "--max-rejects", "20")
        (journal,) = gateway.journals.values()
        assert (stopped.exit_code, 0 < journal.next_offset < 200) == (2, True)
        done = await run(*command, "--json")
    wanted = [n for n in range(200) if n % 3]
    assert [each["rejected"]["offset"] for each in rejects(path)] == wanted
    assert json.loads(done.stdout)["refused_by_reason"] == {"CONTENT_EMPTY": len(wanted)}


async def test_they_are_made_again_when_they_are_missing_and_else_left_alone(
    run: Run, path: Path
) -> None:
    """Somebody may be mending them; those of another upload make room."""
    file = path.with_name("in.csv.rejected.jsonl")
    async with ReferenceGateway() as gateway:
        command = ("upload", path, "--target", gateway.target)
        await run(*command)
        complete = file.read_text()
        file.unlink()
        await run(*command)
        assert file.read_text() == complete
        mended = complete.splitlines()[0].replace('"content": ""', '"content": "mended"') + "\n"
        file.write_text(mended)
        await run(*command)
        assert file.read_text() == mended
        await run(*command, "--limit", "2")
    assert [each["rejected"]["line"] for each in rejects(path)] == [3]


async def test_rejects_are_no_part_of_the_input_that_they_are_of(run: Run, tmp_path: Path) -> None:
    """Found beside it for a pattern or in a folder: the same input stays the same upload."""
    folder = tmp_path / "news"
    folder.mkdir()
    (folder / "a.csv").write_text(CSV)
    (folder / "b.csv").write_text(CSV)
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target, "--json")
        for paths in (sorted(folder.iterdir()), [folder, "--recursive"], [folder / "*"]):
            first = await run("upload", *paths, *options)
            for name in ("a.csv", "b.csv"):
                (folder / f"{name}.rejected.jsonl").write_text("{}\n")
            named = sorted(folder.iterdir()) if paths[0] == folder / "a.csv" else paths
            again = await run("upload", *named, *options)
            assert json.loads(again.stdout)["upload_id"] == json.loads(first.stdout)["upload_id"]
            for file in folder.glob("*.rejected.jsonl"):
                file.unlink()
        assert gateway.received == 10


@pytest.mark.parametrize("chosen", [True, False])
async def test_rejects_that_cannot_be_written_are_told(
    run: Run, path: Path, tmp_path: Path, chosen: bool
) -> None:
    """All is counted and told; it is an error only where the user said where they go."""
    file = path.with_name("in.csv.rejected.jsonl")
    file.write_text('{"content": "of somebody else"}\n')
    name = ("--rejects", file) if chosen else ()
    async with ReferenceGateway() as gateway:
        command = ("upload", path, "--target", gateway.target)
        result = await run(*command, *name)
        elsewhere = await run(*command, "--rejects", tmp_path / "mine")
    assert result.exit_code == (2 if chosen else 3)
    assert "is there already and no file of rejects; name another with --rejects" in result.stderr
    assert ("2 counted, 3 refused" in result.stdout) is not chosen
    assert file.read_text() == '{"content": "of somebody else"}\n'
    assert (elsewhere.exit_code, len((tmp_path / "mine").read_text().splitlines())) == (3, 3)


async def test_the_input_is_never_taken_for_rejects(run: Run, path: Path) -> None:
    """Told before anything is sent."""
    result = await run("upload", path, "--rejects", path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "is the input itself" in result.stderr


def test_only_what_no_gateway_can_have_counted_is_taken_of_a_range_with_gaps() -> None:
    """What is rejected may be sent again: an article that was counted must not be among it."""
    reasons = RefusalReason
    verdicts = Verdicts(
        [Refusal(0, "a", reasons.POISON, "died")],
        [
            RefusalRange(1, 5, reasons.CONTENT_EMPTY, 2),
            RefusalRange(5, 7, reasons.POISON, 2),
            RefusalRange(7, 9, reasons.EXTRACTION_FAILED, 1),
        ],
        settled=10,
    )
    contents = ["x", "", "x", "x", " ", "x", "x", "x", "x", "", ""]
    records = [Record(Article("P", content), Path("in"), 1) for content in contents]
    records[3] = Record(MALFORMED, Path("in"), 1, "no JSON", "{")
    found = [verdicts.of(offset, record) for offset, record in enumerate(records)]
    assert [refusal and refusal.reason for refusal in found] == [
        *(reasons.POISON, reasons.CONTENT_EMPTY, None, reasons.MALFORMED, reasons.CONTENT_EMPTY),
        *(reasons.POISON, reasons.POISON, None, None, None, None),
    ]
    assert verdicts.by_reason[reasons.POISON] == 3
