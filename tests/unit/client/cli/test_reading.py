"""`newstally compare` and `newstally export`."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet
import pytest
from newstally import EntityTally
from newstally.cli.reading.comparing import differences
from support.reference_gateway import ReferenceGateway

from .conftest import Run

ARTICLES = [("The Daily", "rome rome anna")] * 20 + [("The Daily", "berlin"), ("Post", "rome")]
ARTICLES += [("Post", "berlin berlin anna")] * 20


@pytest.fixture
def news(tmp_path: Path) -> Path:
    path = tmp_path / "news.jsonl"
    rows = ({"publication": name, "content": text} for name, text in ARTICLES)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


async def test_two_publications_are_compared(run: Run, news: Path) -> None:
    """What each mentions more per article, with figures; what both do stands nowhere."""
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", news, *options)
        text = await run("compare", "the daily", "POST", *options)
        as_json = await run("compare", "the daily", "POST", *options, "--json")
        unknown = await run("compare", "The Daily", "Nobody", *options)
        itself = await run("compare", "The Daily", "the  daily", *options)
    daily, post = json.loads(as_json.stdout)
    assert [each["name"] for each in daily["mentions_more"]] == ["Rome"]
    assert [each["name"] for each in post["mentions_more"]] == ["Berlin"]
    (rome,) = daily["mentions_more"]
    assert (rome["mentions"], rome["other_mentions"]) == (40, 1)
    assert 1 < rome["at_least"] < rome["times"]
    assert "The Daily (21 articles) mentions more than Post (21):" in text.stdout
    assert [line.split()[:4] for line in text.stdout.splitlines() if "Rome" in line] == [
        ["Rome", "WORD", "190.48", "4.76"]
    ]
    assert (unknown.exit_code, "no tallies of Nobody" in unknown.stderr) == (1, True)
    assert itself.exit_code == 2


def test_fewer_articles_than_three_prove_nothing() -> None:
    """And what is new in many of them has a finite figure."""

    def tally(text: str, articles: int) -> tuple[tuple[str, str], EntityTally]:
        return (text, "P"), EntityTally(text, "P", 5 * articles, articles, text)

    found = differences(dict([tally("few", 2), tally("new", 30)]), {}, 100, 100)
    assert [each.text for each in found] == ["new"]
    assert 1 < found[0].at_least < found[0].times < 100


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
async def test_tallies_are_exported(run: Run, news: Path, tmp_path: Path, form: str) -> None:
    """The same rows in every format, by the file's name; of all or of some publications."""
    path = tmp_path / f"out.{form}"
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", news, *options)
        done = await run("export", *options, "-o", path)
        some = await run("export", "post", *options, "--label", "WORD", "--format", "jsonl")
    match form:
        case "parquet":
            rows = pyarrow.parquet.read_table(path).to_pylist()
        case "jsonl":
            rows = [json.loads(line) for line in path.read_text().splitlines()]
        case _:
            delimiter = "\t" if form == "tsv" else ","
            rows = list(csv.DictReader(io.StringIO(path.read_text()), delimiter=delimiter))
    assert len(rows) == 6
    assert {key: str(value) for key, value in rows[3].items()} == {
        "publication": "The Daily",
        "text": "rome",
        "name": "Rome",
        "label": "WORD",
        "mentions": "40",
        "articles": "20",
    }
    assert done.stderr == f"6 rows in {path}\n"
    assert [json.loads(line)["text"] for line in some.stdout.splitlines()] == [
        *("berlin", "anna", "rome"),
    ]


async def test_an_export_that_fails_leaves_the_file_that_was_there(
    run: Run, news: Path, tmp_path: Path
) -> None:
    """A publication that is not there, a name that tells no format, a folder that is not there."""
    path = tmp_path / "out.csv"
    path.write_text("before")
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", news, *options)
        results = [
            await run("export", "The Daily", "Nobody", *options, "-o", path),
            await run("export", *options, "-o", tmp_path / "out.xls"),
            await run("export", *options, "-o", tmp_path / "none" / "out.csv"),
        ]
    assert [result.exit_code for result in results] == [1, 2, 2]
    assert "Nobody: nothing of that publication" in results[0].stderr
    assert "its name tells no format; add --format" in results[1].stderr
    assert "cannot be written: No such file" in results[2].stderr
    assert path.read_text() == "before"


async def test_a_table_in_a_pipe_is_not_cut(run: Run, tmp_path: Path) -> None:
    """A row is a line, however long its cells are."""
    path = tmp_path / "news.jsonl"
    path.write_text(json.dumps({"publication": "P" * 200, "content": "x" * 300}))
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target)
        await run("upload", path, *options)
        table = await run("publications", *options)
        top = await run("top", "P" * 200, *options)
    assert len(table.stdout.splitlines()) == len(top.stdout.splitlines()) == 2
    assert "P" * 200 in table.stdout
