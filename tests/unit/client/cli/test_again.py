"""The same input again: the same upload, from any machine and in any form."""

import gzip
import json
from pathlib import Path

import pytest
from newstally.cli.uploading import display
from newstally.cli.uploading.display import FirstPass
from newstally.inputs import Columns, Source, survey
from support.reference_gateway import ReferenceGateway

from .conftest import Run, append, begun, given_up


async def test_the_same_input_is_counted_once(run: Run, articles: Path, tmp_path: Path) -> None:
    """Again, in another form, from a pipe and from another machine: already counted, exit 0."""
    lines = "".join(
        json.dumps({"publication": "The Daily", "content": f"anna met anna in rome {n}", "id": n})
        + "\n"
        for n in range(30)
    )
    packed = tmp_path / "packed.gz"
    packed.write_bytes(gzip.compress(lines.encode()))
    async with ReferenceGateway() as gateway:
        command = ("--target", gateway.target, "--json")
        results = [
            await run("upload", articles, *command),
            await run("upload", articles, *command),
            await run("upload", packed, *command, "--state-dir", tmp_path / "elsewhere"),
            await run("upload", "-", *command, stdin=lines),
        ]
        told = await run("upload", articles, "--target", gateway.target)
        assert (gateway.received, gateway.streams, len(gateway.journals)) == (30, 1, 1)
    assert [result.exit_code for result in (*results, told)] == [0] * 5
    summaries = [json.loads(result.stdout) for result in results]
    assert [summary["already_counted"] for summary in summaries] == [False, True, True, True]
    assert {summary["counted"] for summary in summaries} == {30}
    assert "already counted: upload input-" in told.stdout
    assert "30 articles settled (30 counted, 0 refused)" in told.stdout
    assert told.stderr == ""


async def test_an_upload_goes_on_by_itself(run: Run, articles: Path, tmp_path: Path) -> None:
    """Cut off and run again, without an option and without its state: nothing counts twice."""
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target)
        cut = await given_up(run, gateway, *command[:2])
        done = await run(*command, "--state-dir", tmp_path / "elsewhere")
        (journal,) = gateway.journals.values()
    assert (cut.exit_code, done.exit_code, len(journal.counted)) == (1, 0, 30)


async def test_again_counts_once_more(run: Run, articles: Path, states: Path) -> None:
    """--again is another upload of a random id; it excludes naming one."""
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target)
        await run(*command)
        again = await run(*command, "--again", "--json")
        assert gateway.received == 60
        assert (await run(*command, "--again", "--resume")).exit_code == 2
    assert json.loads(again.stdout)["already_counted"] is False
    assert len(begun(states)) == 2


async def test_again_begins_anew_when_its_upload_is_lost(run: Run, articles: Path) -> None:
    """The persister's data was replaced: told once, and the next --again counts."""
    async with ReferenceGateway(batch=10) as gateway:
        command = ("upload", articles, "--target", gateway.target, "--again")
        await given_up(run, gateway, "upload", articles, "--again")
        gateway.journals.clear()
        assert [(await run(*command)).exit_code for _ in range(2)] == [1, 0]


async def test_a_choice_that_changes_what_is_counted_is_another_upload(
    run: Run, articles: Path
) -> None:
    """Another publication, another content: counted, not taken for the same."""
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target)
        await run(*command)
        await run(*command, "--publication", "Another")
        append(articles, "The Daily,one more,30\n")
        await run(*command)
        assert (gateway.received, len(gateway.journals)) == (91, 3)


def test_the_first_pass_says_soon_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fifth of a second after the beginning, and then every 5 s, with the part that is read."""
    monkeypatch.setattr(display, "_LOOK_EVERY", 1)
    path = tmp_path / "a.jsonl"
    path.write_text(('{"source": "P", "text": "' + "x" * 10_000 + '"}\n') * 1000)
    said: list[str] = []
    ticks = iter(range(10_000))
    source = Source([path], Columns())
    survey(source, FirstPass(source, said.append, lambda: next(ticks) / 100))
    assert len(said) == 2
    assert said[0].startswith("reading the input: 20 records, ")
    shares = [int(line.split(", ")[1].rstrip("%")) for line in said]
    assert 0 < shares[0] < shares[1] < 100
