"""`newstally upload` of inputs with a column of times."""

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from support.reference_gateway import ReferenceGateway

from .conftest import Run, given_up

ROWS = (
    "publication,text,date,written\n"
    "The Daily,anna,2016-12-31,1/2/2017\n"
    "The Daily,rome,2016-09-08 15:00:00,1/2/2017\n"
    "The Daily,bonn,,1/2/2017\n"
    "The Daily,paris,1/2/2017,1/2/2017\n"
)
MORNING = datetime(2016, 9, 8, 15, tzinfo=UTC)


@pytest.fixture
def dated(tmp_path: Path) -> Path:
    path = tmp_path / "dated.csv"
    path.write_text(ROWS)
    return path


async def test_times_are_sent_and_the_summary_says_how_many(run: Run, dated: Path) -> None:
    """Articles without one are counted all the same, told by their lines, and no failure."""
    async with ReferenceGateway() as gateway:
        result = await run("upload", dated, "--target", gateway.target)
        (journal,) = gateway.journals.values()
    assert result.exit_code == 0
    assert [time and time.isoformat() for time in journal.times] == [
        "2016-12-31T00:00:00+00:00",
        "2016-09-08T15:00:00+00:00",
        None,
        None,
    ]
    lines = result.stdout.splitlines()
    assert f"under no day: {dated}:4: no time" in lines
    assert f"under no day: {dated}:5: '1/2/2017' may be 2017-01-02 or 2017-02-01" in lines
    assert "--day-first or --month-first says how such days are meant" in lines
    assert (
        "articles of the input: 2 with a time, 1 without, 1 with one that cannot be read; without"
        " one they count under no day"
    ) in lines


async def test_the_same_is_told_to_programs_and_by_a_dry_run(run: Run, dated: Path) -> None:
    """The same fields; the dry run sends nothing."""
    async with ReferenceGateway() as gateway:
        dry = json.loads((await run("upload", dated, "--dry-run", "--json")).stdout)
        plain = (await run("upload", dated, "--dry-run")).stdout
        result = await run("upload", dated, "--target", gateway.target, "--json")
    sent = json.loads(result.stdout)
    for told in (dry, sent):
        assert (told["dated"], told["without_time"], told["unreadable_times"]) == (2, 1, 1)
        assert [record["line"] for record in told["undated_records"]] == [4, 5]
    assert "articles: 2 with a time, 1 without, 1 with one that cannot be read" in plain


async def test_the_column_and_the_order_can_be_told(run: Run, dated: Path) -> None:
    """--time-column, --day-first, --month-first; each is another upload, for another is counted."""
    async with ReferenceGateway() as gateway:
        command = ("upload", dated, "--target", gateway.target, "--time-column", "written")
        for order in ((), ("--day-first",), ("--month-first",)):
            assert (await run(*command, *order)).exit_code == 0
        wrong = await run(*command[:-1], "writen")
        days = [
            {time.date().isoformat() if time else "" for time in journal.times}
            for journal in gateway.journals.values()
        ]
    assert days == [{""}, {"2017-02-01"}, {"2017-01-02"}]
    assert wrong.exit_code == 2
    assert "no column writen for the time; there are: date, publication, text" in wrong.stderr


async def test_what_was_cut_off_is_told_how_to_go_on(run: Run, dated: Path) -> None:
    """With the options that choose the times, and a file that looks like an option."""
    await asyncio.to_thread(dated.rename, "-dated.csv")
    command = ("upload", "./-dated.csv", "--time-column", "written", "--month-first", "--wait")
    async with ReferenceGateway() as gateway:
        result = await given_up(run, gateway, *command)
    assert result.exit_code == 1
    assert "newstally upload ./-dated.csv " in result.stderr
    assert " --time-column written " in result.stderr.replace("\n", " ")
    assert " --month-first " in result.stderr.replace("\n", " ")
