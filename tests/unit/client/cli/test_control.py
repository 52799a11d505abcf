"""What of an input is sent, and what would be."""

import json
from pathlib import Path

import pytest
from newstally.cli.uploading import dry_run
from support.reference_gateway import ReferenceGateway

from .conftest import Run, begun

GIVE_UP = ("--give-up-after", "0.2")


async def test_a_part_of_an_input_can_be_sent(run: Run, articles: Path) -> None:
    """--skip and --limit choose records; another part is another upload, the same is the same."""
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target, "--json")
        results = [
            await run(*command, "--skip", "5", "--limit", "10"),
            await run(*command, "--skip", "5", "--limit", "10"),
            await run(*command, "--skip", "25"),
        ]
        summaries = [json.loads(result.stdout) for result in results]
        sent = gateway.articles(summaries[0]["upload_id"])
    assert [content for _, content in sent] == [f"anna met anna in rome {n}" for n in range(5, 15)]
    assert [s["already_counted"] for s in summaries] == [False, True, False]
    assert [s["counted"] for s in summaries] == [10, 10, 5]


async def test_a_dry_run_sends_nothing_and_tells_what_would_be(
    run: Run, tmp_path: Path, states: Path
) -> None:
    """Per publication; needs no gateway; ends with the exit code of the upload."""
    path = tmp_path / "a.csv"
    path.write_text("source,text\nA,x\nB,y\nA,z\nmalformed\n,w\nB, \n")
    command = ("upload", path, "--dry-run", "--target", "127.0.0.1:1")
    text, as_json = await run(*command), await run(*command, "--json")
    assert (text.exit_code, as_json.exit_code, begun(states)) == (3, 3, [])
    assert text.stdout.splitlines() == [
        f"malformed: {path}:5: 1 columns, but the header has 2",
        f"will be refused: {path}:6: PUBLICATION_EMPTY",
        f"will be refused: {path}:7: CONTENT_EMPTY",
        "           2  A",
        "           1  B",
        "dry run: 5 articles would be sent, of which 2 will be refused (1 PUBLICATION_EMPTY, 1"
        " CONTENT_EMPTY); 1 records are malformed; nothing was sent",
    ]
    found = json.loads(as_json.stdout)
    assert found["publications"][0] == {"publication": "A", "articles": 2}
    assert (found["records"], found["malformed"], found["refused"]) == (6, 1, 2)
    whole = await run(*command, "--limit", "3")
    assert whole.exit_code == 0


async def test_a_dry_run_without_a_record_is_an_error(run: Run, tmp_path: Path) -> None:
    """It is hardly what was meant: exit code 2."""
    path = tmp_path / "a.csv"
    path.write_text("source,text\n")
    result = await run("upload", path, "--dry-run")
    assert (result.exit_code, result.stderr) == (2, "error: the input has no records\n")


async def test_a_dry_run_keeps_a_bounded_number_of_publications(
    run: Run, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wrong column may hold as many names as records."""
    monkeypatch.setattr(dry_run, "MOST_PUBLICATIONS", 4)
    result = await run("upload", articles, "--dry-run", "--publication-column", "id")
    assert "          26  of more than 4 publications" in result.stdout


async def test_errors_are_json_with_json(run: Run, articles: Path, tmp_path: Path) -> None:
    """Programs read what went wrong on stdout, people on stderr; the exit code is the same."""
    missing = await run("upload", tmp_path / "none.csv", "--json")
    away = await run("upload", articles, "--json", "--target", "127.0.0.1:1", *GIVE_UP)
    broken = tmp_path / "a.json"
    broken.write_text("[1")
    async with ReferenceGateway() as gateway:
        damaged = await run("upload", broken, "--json", "--target", gateway.target)
    found = [json.loads(result.stdout) for result in (missing, away, damaged)]
    assert [error["error"] for error in found] == ["InputError", "GaveUp", "InputError"]
    for error, result in zip(found, (missing, away, damaged), strict=True):
        assert error["exit_code"] == result.exit_code
        assert error["message"] == result.stderr.splitlines()[-1]
    assert [error["exit_code"] for error in found] == [2, 1, 2]


async def test_quiet_leaves_errors_and_the_summary(run: Run, tmp_path: Path) -> None:
    """Nothing on stderr although there are notes; an error is told all the same."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "P", "text": "x"}\n{\n')
    async with ReferenceGateway() as gateway:
        command = ("upload", path, "--target", gateway.target)
        quiet = await run(*command, "--quiet", "--wait-applied")
        loud = await run(*command)
    failed = await run("upload", path, "--quiet", "--target", "127.0.0.1:1", *GIVE_UP)
    assert (quiet.exit_code, quiet.stderr) == (3, "")
    assert "2 articles settled" in quiet.stdout
    assert "note: 1 of 2 records are malformed" in loud.stderr
    assert failed.stderr.startswith("error: no gateway at 127.0.0.1:1: nothing listens")
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize(("allowed", "exit_code"), [("0", 2), ("24%", 2), ("25%", 3), ("1", 3)])
async def test_more_malformed_records_than_allowed_are_not_begun(
    run: Run, tmp_path: Path, allowed: str, exit_code: int
) -> None:
    """--max-rejects, a number or a part of all: told before anything is sent."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "P", "text": "x"}\n{\n' + '{"source": "P", "text": "x"}\n' * 2)
    async with ReferenceGateway() as gateway:
        command = ("upload", path, "--target", gateway.target)
        result = await run(*command, "--max-rejects", allowed)
    assert (result.exit_code, gateway.received) == (exit_code, 4 if exit_code == 3 else 0)
    if exit_code == 2:
        assert f"1 of 4 records are rejected, more than --max-rejects {allowed}: nothing was" in (
            result.stderr
        )


async def test_more_refusals_than_allowed_stop_an_upload(run: Run, tmp_path: Path) -> None:
    """At once, and again when it is run again; with more allowed it goes on."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "P", "text": ""}\n' * 100)
    async with ReferenceGateway(batch=10) as gateway:
        command = ("upload", path, "--target", gateway.target)
        stopped = [await run(*command, "--max-rejects", "15") for _ in range(2)]
        (journal,) = gateway.journals.values()
        assert 15 < journal.next_offset <= 100
        done = await run(*command, "--max-rejects", "100%")
    assert ([result.exit_code for result in stopped], done.exit_code) == ([2, 2], 0)
    assert f"`newstally refusals {journal.upload_id}` lists them" in stopped[0].stderr
    assert journal.next_offset == 100


@pytest.mark.parametrize(("allowed", "exit_code"), [("1", 2), ("2", 3), ("50%", 2), ("67%", 3)])
async def test_a_dry_run_ends_as_the_upload_would(
    run: Run, tmp_path: Path, allowed: str, exit_code: int
) -> None:
    """Also where more is rejected than may be: what is malformed and what will be refused."""
    path = tmp_path / "a.csv"
    path.write_text("source,text\nP,x\nmalformed\nP,\n")
    command = ("upload", path, "--max-rejects", allowed)
    async with ReferenceGateway() as gateway:
        sent = await run(*command, "--target", gateway.target)
    dry, as_json = await run(*command, "--dry-run"), await run(*command, "--dry-run", "--json")
    assert (sent.exit_code, dry.exit_code, as_json.exit_code) == (exit_code,) * 3
    assert "will be refused" in dry.stdout
    assert json.loads(as_json.stdout)["refused_by_reason"] == {"CONTENT_EMPTY": 1}
    assert ("more than --max-rejects" in dry.stderr) is (exit_code == 2)


@pytest.mark.parametrize("text", ["-1", "x", "%", "101%", "nan%", "1.5"])
async def test_what_is_no_number_of_rejects_is_wrong_usage(
    run: Run, articles: Path, text: str
) -> None:
    """Exit code 2 and what it takes."""
    result = await run("upload", articles, f"--max-rejects={text}", "--target", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "--max-rejects takes a number" in result.stderr
