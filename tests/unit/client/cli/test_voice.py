"""How an upload speaks to programs, and at which pace it sends."""

import json
import time
from pathlib import Path

import pytest
from newstally import Article, GatewayUnavailable
from newstally._gateway.settling import Settling
from newstally.cli.uploading.sending import read_over
from newstally.cli.uploading.voice import JsonDisplay
from newstally.inputs import Record
from newstally.values import Progress, Waiting
from support.reference_gateway import Fault, ReferenceGateway

from .conftest import Run
from .test_display import upload


async def test_progress_is_one_object_a_line(run: Run, tmp_path: Path) -> None:
    """--json-progress: notes, progress, what is waited for and errors, nothing else on stderr."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "P", "text": "x"}\n{\n')
    async with ReferenceGateway([Fault.DROP]) as gateway:
        done = await run("upload", path, "--target", gateway.target, "--json-progress")
    failed = await run("upload", tmp_path / "none", "--json-progress")
    events = [json.loads(line) for line in done.stderr.splitlines()]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1], "waiting" in kinds) == ("note", "progress", True)
    assert events[-1] == {
        "event": "progress",
        "settled": 2,
        "total": 2,
        "counted": 1,
        "refused": 1,
        "articles_per_second": events[-1]["articles_per_second"],
    }
    (error,) = map(json.loads, failed.stderr.splitlines())
    assert (error["event"], failed.exit_code) == ("error", 2)
    assert "No such file" in error["message"]


def test_progress_is_told_once_a_second_and_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    """Only what has moved; what fails each time."""
    times = iter((0.0, 0.0, 0.5, 1.1, 2.2, 2.3))  # the first when the display is made
    with JsonDisplay(100, lambda: next(times)) as display:
        for settled in (1, 2, 3, 3, 9):
            display(Progress(upload(settled)))
        display(Waiting(GatewayUnavailable("gone"), 1.5))
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [event.get("settled", event["event"]) for event in told] == [1, 3, 9, "waiting"]


def test_reading_over_what_is_settled_is_told() -> None:
    """Of a large input that takes long, and nothing is sent meanwhile."""
    told: list[int] = []
    records = [Record(Article("P", str(n)), Path("a.csv"), n) for n in range(5)]
    assert list(read_over(records, 3, told.append)) == records
    assert told == [1, 2, 3]


async def test_a_rate_bounds_how_fast_articles_are_sent(run: Run, articles: Path) -> None:
    """Thirty articles at 60 a second take half a second; none is lost."""
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target)
        begin = time.monotonic()
        result = await run(*command, "--rate", "60", "--json")
        took = time.monotonic() - begin
        wrong = await run(*command, "--rate", "0")
    assert (json.loads(result.stdout)["counted"], wrong.exit_code) == (30, 2)
    assert took >= 29 / 60


@pytest.mark.parametrize(("errors", "text"), [("replace", "�t�"), ("ignore", "t")])
async def test_what_is_not_of_the_encoding_can_be_replaced(
    run: Run, tmp_path: Path, errors: str, text: str
) -> None:
    """Told as an error by default; --encoding-errors takes the rest."""
    path = tmp_path / "a.csv"
    path.write_bytes("source,text\nP,été\n".encode("latin-1"))
    async with ReferenceGateway() as gateway:
        command = ("upload", path, "--target", gateway.target)
        assert (await run(*command)).exit_code == 2
        result = await run(*command, "--encoding-errors", errors, "--json")
        assert gateway.articles(json.loads(result.stdout)["upload_id"]) == [("P", text)]


async def test_the_summary_says_how_it_went(run: Run, articles: Path) -> None:
    """Figures of this run alone: of what was settled before it says nothing."""
    async with ReferenceGateway([None, Fault.DROP], batch=10) as gateway:
        command = ("upload", articles, "--target", gateway.target)
        first = json.loads((await run(*command, "--json")).stdout)
        again = await run(*command)
    assert first["retries"] == 1
    assert first["articles_per_second"] > 0
    assert (
        0
        < first["settle_seconds"]["p50"]
        <= first["settle_seconds"]["p99"]
        <= 1.06 * first["seconds"]
    )
    assert "articles/s" not in again.stdout


def test_percentiles_of_settling_are_exact_within_a_twentieth() -> None:
    """From the first time an article was sent, however often it was sent again."""
    settling = Settling()
    for offset in range(100):
        settling.sent(offset, 0.0)
    for offset in range(100):
        settling.sent(offset, 50.0)
        settling.acknowledged(offset + 1, offset + 1.0)
    found = [settling.percentile(percent) for percent in (50, 95, 99)]
    assert found == pytest.approx([50, 95, 99], rel=0.05)
    assert (settling.settled, Settling().percentile(50)) == (100, 0.0)
