"""What `newstally upload` sends, and what it says about it."""

import json
from pathlib import Path

import pytest
from newstally.cli.uploading.rejecting.gathering import SHOWN_REFUSALS
from newstally.cli.uploading.states import Stage, StateStore, UploadState
from support.reference_gateway import Fault, ReferenceGateway

from .conftest import Run, append, begun


async def test_upload_prints_one_json_object(run: Run, articles: Path) -> None:
    """--json: the summary alone on stdout, with the protocol's names."""
    async with ReferenceGateway() as gateway:
        result = await run("upload", articles, "--target", gateway.target, "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == 0
    assert {key: summary[key] for key in ("next_offset", "counted", "refused", "articles")} == {
        "next_offset": 30,
        "counted": 30,
        "refused": 0,
        "articles": 30,
    }
    assert summary["refusals"] == []
    assert len(gateway.articles(summary["upload_id"])) == 30


async def test_malformed_records_are_reported_as_what_they_are(run: Run, tmp_path: Path) -> None:
    """Told before and after with path, line and why; the rest is counted; exit code 3."""
    path = tmp_path / "some.jsonl"
    lines = ['{"source": "P", "text": "good"}', "", "{bad", '{"source": "P", "text": " "}']
    path.write_text("\n".join(lines))
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target, "--json")
        text = await run("upload", path, "--target", gateway.target)
    summary = json.loads(result.stdout)
    assert (result.exit_code, text.exit_code) == (3, 3)
    assert f"note: 1 of 3 records are malformed and will be refused, the first at {path}:3: no" in (
        result.stderr
    )
    assert (summary["counted"], summary["refused"], summary["malformed"]) == (1, 2, 1)
    assert [(r["offset"], r["line"], r["reason"]) for r in summary["refusals"]] == [
        (1, 3, "MALFORMED"),
        (2, 4, "CONTENT_EMPTY"),
    ]
    assert summary["refusals"][0]["message"].startswith("no JSON")
    assert f"malformed: {path}:3: no JSON: Expecting property name" in text.stdout
    assert "at column 2" in summary["refusals"][0]["message"]
    assert f"refused: {path}:4: CONTENT_EMPTY: content_empty" in text.stdout
    assert "3 articles settled (1 counted, 2 refused: 1 MALFORMED, 1 CONTENT_EMPTY)" in text.stdout


async def test_an_input_without_records_is_an_error(run: Run, tmp_path: Path) -> None:
    """It is hardly what was meant: exit code 2, as of a dry run, and nothing is begun."""
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target)
        assert gateway.journals == {}
    assert (result.exit_code, result.stderr) == (2, "error: the input has no records\n")


async def test_refused_articles_are_no_failure(run: Run, tmp_path: Path) -> None:
    """The gateway's own verdicts on articles are reported; exit code 0."""
    path = tmp_path / "some.jsonl"
    path.write_text('{"source": "P", "text": "good"}\n{"source": "P", "text": " "}\n')
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "(1 counted, 1 refused: 1 CONTENT_EMPTY)" in result.stdout


async def test_text_of_another_encoding_is_never_sent(
    run: Run, tmp_path: Path, states: Path
) -> None:
    """Latin-1 is refused with the remedy, before anything is begun; the remedy works, and is part
    of the command that goes on."""
    path = tmp_path / "a.csv"
    path.write_bytes("source;text\nP;été\n".encode("latin-1"))
    async with ReferenceGateway() as gateway:
        command = ("upload", path, "--delimiter", ";", "--upload-id", "job")
        refused = await run(*command, "--target", gateway.target)
        assert (refused.exit_code, begun(states), gateway.journals) == (2, [], {})
        assert refused.stderr == (
            f"error: {path}: line 2 is not UTF-8 (byte 0xe9): name the file's encoding, for example"
            " --encoding latin-1\n"
        )
        taken = await run(*command, "--encoding", "latin-1", "--target", gateway.target)
        assert taken.exit_code == 0
        assert gateway.articles("job") == [("P", "été")]
        gateway.journals.clear()
        again = await run(*command, *("--encoding", "latin-1"), "--upload-id", "job")
    assert "upload job is not known" in again.stderr


@pytest.mark.parametrize("gone", [True, False])
async def test_an_input_that_is_gone_after_the_upload_costs_only_the_lines(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool
) -> None:
    """A file that is deleted or grows when all is settled: success, refusals without lines."""
    path = tmp_path / "some.jsonl"
    content = '{"source": "P", "text": "good"}\n{"source": "P", "text": " ", "id": "a-7"}\n'
    advance = StateStore.advance

    def rotate(store: StateStore, state: UploadState, stage: Stage) -> None:
        advance(store, state, stage)
        if stage is Stage.FINISHED:
            path.unlink() if gone else append(path, content)

    monkeypatch.setattr(StateStore, "advance", rotate)
    async with ReferenceGateway() as gateway:
        path.write_text(content)
        as_json = await run("upload", path, "--target", gateway.target, "--json")
        path.write_text(content)
        text = await run("upload", path, "--target", gateway.target)
    assert (as_json.exit_code, text.exit_code) == (0, 0)
    (refusal,) = json.loads(as_json.stdout)["refusals"]
    assert (refusal["offset"], refusal["path"], refusal["line"]) == (1, None, None)
    assert "refused: article 1 (a-7): CONTENT_EMPTY: content_empty" in text.stdout
    assert f"without their lines: {path}: " in text.stderr


async def test_many_refusals_are_summed_up(run: Run, tmp_path: Path) -> None:
    """What is told one by one is bounded; the rest is a number."""
    path = tmp_path / "bad.jsonl"
    path.write_text('{"source": "P", "text": ""}\n' * (SHOWN_REFUSALS + 7))
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target)
    assert "refused: 7 more" in result.stdout


async def test_a_gateway_that_breaks_off_is_survived(run: Run, articles: Path) -> None:
    """The command goes on by itself."""
    async with ReferenceGateway([Fault.DROP, None, Fault.LOSE_PROGRESS], batch=10) as gateway:
        result = await run("upload", articles, "--target", gateway.target, "--json")
    summary = json.loads(result.stdout)
    assert (summary["counted"], len(gateway.articles(summary["upload_id"]))) == (30, 30)


async def test_wait_applied_waits_for_the_sink(
    run: Run, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With --wait-applied the command ends when applied_offset has reached next_offset."""
    monkeypatch.setattr("newstally.client.asynchronous.APPLIED_POLL_SECONDS", 0.01)
    async with ReferenceGateway() as gateway:
        gateway.applied_behind = 3
        command = ("upload", articles, "--target", gateway.target, "--json")
        result = await run(*command, "--wait-applied")
    assert json.loads(result.stdout)["applied_offset"] == 30
    assert gateway.applied_behind == 0


async def test_wrong_columns_are_told_before_anything_is_sent(run: Run, tmp_path: Path) -> None:
    """Exit code 2, and no upload was made."""
    path = tmp_path / "a.csv"
    path.write_text("headline,author\nx,y\n")
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target)
        assert gateway.journals == {}
    assert result.exit_code == 2
    assert "there are: author, headline" in result.stderr


@pytest.mark.parametrize("value", ["0", "-1", "nan", "x", "inf"])
@pytest.mark.parametrize(
    ("option", "taken"),
    [("--give-up-after", "a number of seconds"), ("--rate", "a number of articles a second")],
)
async def test_what_is_no_number_above_0_is_wrong_usage(
    run: Run, articles: Path, states: Path, option: str, taken: str, value: str
) -> None:
    """No patience at all would fail against a healthy gateway: exit code 2, nothing begun."""
    result = await run("upload", articles, option, value, "--target", "127.0.0.1:1")
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': '{value}': it takes {taken}, above 0" in result.stderr
    assert begun(states) == []


async def test_a_refusal_for_good_is_exit_code_1(run: Run, articles: Path) -> None:
    """Permanent errors end the command with one line."""
    async with ReferenceGateway() as gateway:
        gateway.owned_by_others.add("job")
        result = await run("upload", articles, "--target", gateway.target, "--upload-id", "job")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: another owner's (ALREADY_EXISTS)\n"
