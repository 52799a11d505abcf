"""`newstally publications` and `newstally top`."""

import json
from pathlib import Path

import pytest
from newstally.client.status import asking
from newstally_protos.names import find_harmful
from support.reference_gateway import ReferenceGateway

from .conftest import Run


async def test_top_and_publications(run: Run, articles: Path) -> None:
    """JSON arrays with the protocol's names; tables for people; -n and --label narrow."""
    async with ReferenceGateway() as gateway:
        target = ("--target", gateway.target)
        await run("upload", articles, *target)
        top = await run("top", "the DAILY", "-n", "2", *target, "--json")
        none = await run("top", "the daily", "--label", "PERSON", *target, "--json")
        table = await run("top", "the daily", *target)
        all_publications = await run("publications", *target, "--json")
        listed = await run("publications", *target)
        unknown = await run("top", "nobody", *target)
    assert json.loads(top.stdout) == [
        {"text": "anna", "label": "WORD", "mentions": 60, "articles": 30, "name": "Anna"},
        {"text": "in", "label": "WORD", "mentions": 30, "articles": 30, "name": "In"},
    ]
    assert json.loads(none.stdout) == []
    assert table.stdout.splitlines()[1].split() == ["Anna", "WORD", "60", "30"]
    assert json.loads(all_publications.stdout) == [
        {"publication": "The Daily", "articles": 30, "mentions": 180}
    ]
    assert "The Daily" in listed.stdout
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == (
        "error: nothing of that publication (NOT_FOUND); `newstally publications` lists those there"
        " are\n"
    )


async def test_a_publication_is_left_out_of_its_own_list(run: Run, tmp_path: Path) -> None:
    """However it is written, unless it is asked for; the list is as long as it was to be."""
    path = tmp_path / "a.jsonl"
    row = {"source": "The Heliograph", "text": "heliograph heliograph heliograph saw saw ann"}
    path.write_text(json.dumps(row))
    async with ReferenceGateway() as gateway:
        target = ("--target", gateway.target, "--json")
        await run("upload", path, "--target", gateway.target)
        top = await run("top", "the HELIOGRAPH", "-n", "1", *target)
        whole = await run("top", "The Heliograph", "--own-name", "-n", "1", *target)
    assert [tally["text"] for tally in json.loads(top.stdout)] == ["saw"]
    assert [tally["text"] for tally in json.loads(whole.stdout)] == ["heliograph"]


async def test_several_ways_of_counting_are_told(run: Run, articles: Path) -> None:
    """Below the list, for people; one way is nothing to speak of."""
    async with ReferenceGateway() as gateway:
        await run("upload", articles, "--target", gateway.target)
        gateway.counted_with = ["en 1"]
        one = await run("publications", "--target", gateway.target)
        gateway.counted_with = ["en 1", "en 1 merged-1-0a1b2c3d"]
        two = await run("publications", "--target", gateway.target)
    assert one.stderr == ""
    assert two.stdout == one.stdout
    assert two.stderr.startswith("counted in several ways, ")
    assert "en 1; en 1 merged-1-0a1b2c3d" in " ".join(two.stderr.split())


async def test_lists_are_read_page_by_page(run: Run, tmp_path: Path) -> None:
    """More rows than a page holds come all, once, in order."""
    path = tmp_path / "a.jsonl"
    rows = [json.dumps({"source": f"P{n:04}", "text": "x"}) for n in range(1234)]
    path.write_text("\n".join(rows))
    async with ReferenceGateway(batch=500) as gateway:
        await run("upload", path, "--target", gateway.target)
        result = await run("publications", "--target", gateway.target, "--json")
    assert [row["publication"] for row in json.loads(result.stdout)] == [
        f"P{n:04}" for n in range(1234)
    ]


async def test_a_label_is_taken_in_any_case(run: Run, articles: Path) -> None:
    """The reference gateway knows WORD."""
    async with ReferenceGateway() as gateway:
        await run("upload", articles, "--target", gateway.target)
        command = ("top", "the daily", "-n", "1", "--target", gateway.target, "--json")
        results = [await run(*command, "--label", label) for label in ("WORD", "word", " Word ")]
    assert {result.exit_code for result in results} == {0}
    assert [[row["text"] for row in json.loads(r.stdout)] for r in results] == [["anna"]] * 3


async def test_an_unknown_label_is_told_with_those_that_exist(run: Run, articles: Path) -> None:
    """No empty table; for programs the array is empty; exit code 0: there may be some tomorrow."""
    async with ReferenceGateway() as gateway:
        await run("upload", articles, "--target", gateway.target)
        command = ("top", "the daily", "--label", "PRESON", "--target", gateway.target)
        text, as_json = await run(*command), await run(*command, "--json")
    assert (text.exit_code, text.stdout) == (0, "")
    assert text.stderr == "no entity is labelled PRESON; labels here: WORD\n"
    assert (as_json.exit_code, as_json.stdout) == (0, "[]\n")


async def test_status_says_what_is_there_instead(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no gateway is, the reason is told with the remedy, as by the other commands."""
    monkeypatch.setattr(asking, "ANSWER_SECONDS", 0.05)
    result = await run("status", "--target", "127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "error: no gateway at 127.0.0.1:1: nothing listens at 127.0.0.1:1; is the gateway"
    )


@pytest.mark.parametrize("given", ["5.11.2026", "2026-02-30", "yesterday", ""])
async def test_what_is_no_day_is_told_with_an_example(run: Run, given: str) -> None:
    """Wrong usage, before anything is asked."""
    result = await run("top", "--since", given, "--target", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "is no day" in result.stderr
    assert "2026-11-01" in result.stderr


@pytest.mark.parametrize(
    "command", [("rising",), ("history", "anna"), ("find", "an"), ("top", "--since", "2026-11-01")]
)
async def test_an_older_release_is_told_as_such(run: Run, command: tuple[str, ...]) -> None:
    """It does not know questions by day, and says so without a reason."""
    async with ReferenceGateway() as gateway:
        result = await run(*command, "--target", gateway.target)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "is of a release before 0.3" in result.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("rising", "--since", "2026-11-02", "--until", "2026-11-01"),
        ("rising", "--against-since", "2026-11-02"),
        ("history", "anna", "--since", "2026-13-01"),
        ("top", "--since", "yesterday"),
    ],
)
async def test_wrong_days_are_wrong_usage(run: Run, command: tuple[str, ...]) -> None:
    """Before anything is asked."""
    result = await run(*command, "--target", "127.0.0.1:1")
    assert result.exit_code == 2


async def test_what_is_stored_does_no_harm_on_a_terminal(run: Run, tmp_path: Path) -> None:
    """Escape sequences and line ends that an older gateway let in are written out."""
    evil = "Evil\x1b[2J\nDaily  9  9\x00\u202e"
    path = tmp_path / "evil.jsonl"
    article = {"publication": evil, "content": "anna\x1b[31m", "id": "a\x1b[0m"}
    path.write_text(json.dumps(article) + "\n" + json.dumps({**article, "content": " "}) + "\n")
    async with ReferenceGateway() as gateway:
        target = ("--target", gateway.target)
        uploaded = await run("upload", path, *target)
        listed = await run("publications", *target)
        top = await run("top", evil, *target)
        unknown = await run("top", "\x1b[2J", *target)
    assert len(listed.stdout.splitlines()) == 2
    assert "Evil\\x1b[2J\\nDaily  9  9\\x00\\u202e" in listed.stdout
    for result in (uploaded, listed, top, unknown):
        text = (result.stdout + result.stderr).replace("\n", "")
        assert find_harmful(text) is None


async def test_no_publications_are_told(run: Run) -> None:
    """Not an empty table."""
    async with ReferenceGateway() as gateway:
        result = await run("publications", "--target", gateway.target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no publications yet" in result.stderr
