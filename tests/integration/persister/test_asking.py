"""`newstally top|rising|history|find`, and the library, ask a real persister."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from newstally import InvalidRequest, NewstallyClient, NotFound, SyncNewstallyClient
from support.processes import Process
from unit.persister.calling import Caller, persister

from .test_questions import TODAY, articles, iso

YESTERDAY, LAST_WEEK = iso(TODAY - 1), iso(TODAY - 6)


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with persister(tmp_path_factory.mktemp("asking"), "--flush-age", "0.01") as running:
        with Caller(running.address) as caller:
            caller.create("job")
            caller.record("job", 0, articles())
            caller.until_applied("job")
        yield running


def ask(process: Process, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Run the command where no terminal is."""
    found = subprocess.run(
        [sys.executable, "-m", "newstally", *arguments, "--target", process.address],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == code, found.stderr
    return found


def on_terminal(process: Process, *arguments: str) -> str:
    """Run the command on a terminal of 100 columns; return what stands on it."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": "100", "TERM": "xterm", "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-m", "newstally", *arguments, "--target", process.address]
    with subprocess.Popen(command, stdout=follower, stderr=follower, env=environment) as running:
        os.close(follower)
        shown = b""
        while True:
            try:
                shown += os.read(leader, 65_536)
            except OSError:  # the other end is closed
                break
    os.close(leader)
    assert running.returncode == 0, shown
    return shown.decode()


def test_top_within_some_days(process: Process) -> None:
    """Of one publication, or of all; for programs a list as ever."""
    days = ("--since", LAST_WEEK, "--until", iso(TODAY))
    one = json.loads(ask(process, "top", "the post", *days, "--json").stdout)
    assert [(each["text"], each["mentions"]) for each in one] == [
        ("nato", 13),
        ("eleanor whitcombe", 12),
    ]
    people = json.loads(
        ask(process, "top", "--label", "person", "--until", LAST_WEEK, "--json").stdout
    )
    assert [(each["text"], each["mentions"]) for each in people] == [("tallis", 29)]
    every = json.loads(ask(process, "top", "--json", "-n", "1").stdout)
    assert [(each["text"], each["mentions"]) for each in every] == [("nato", 76)]
    assert "by day" not in ask(process, "top", *days).stdout
    assert "▆" in on_terminal(process, "top", *days) or "█" in on_terminal(process, "top", *days)


def test_days_without_articles_say_which_there_are(process: Process) -> None:
    """A slip in the year is told by the days that there are; for programs it is an empty list."""
    days = ("--since", "1999-01-01", "--until", "1999-01-31")
    told = ask(process, "top", *days).stderr
    assert told.strip().endswith(
        f"no article was counted within these days; there are articles from {iso(TODAY - 34)} to"
        f" {iso(TODAY)}"
    )
    assert json.loads(ask(process, "top", *days, "--json").stdout) == []


def test_export_of_some_days(process: Process) -> None:
    """The rows of `top` for the same days; an end before the beginning is wrong usage."""
    days = ("--since", LAST_WEEK, "--until", iso(TODAY))
    lines = ask(process, "export", "the post", *days, "--format", "jsonl").stdout.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [(row["text"], row["mentions"]) for row in rows] == [
        ("nato", 13),
        ("eleanor whitcombe", 12),
    ]
    every = ask(process, "export", "the post", "--format", "jsonl").stdout.splitlines()
    assert [json.loads(line)["mentions"] for line in every] == [41, 13]
    ask(process, "export", "--since", iso(TODAY), "--until", LAST_WEEK, code=2)


def test_what_rises(process: Process) -> None:
    """With the days that are compared, the estimate and the bound; lines on a terminal."""
    found = json.loads(ask(process, "rising", "the post", "--json").stdout)
    assert [each["entity"]["text"] for each in found["entities"]] == ["eleanor whitcombe"]
    assert (found["since"], found["until"]) == (LAST_WEEK, iso(TODAY))
    assert found["applied_time"]
    text = ask(process, "rising").stdout
    assert text.startswith(f"rose, {LAST_WEEK} to {iso(TODAY)} (20 articles) against ")
    shown = on_terminal(process, "rising")
    assert "_" * 29 + "██████" in shown
    none = ask(process, "rising", "sun")
    assert "nothing rose for certain" in none.stderr
    wrong = ask(process, "rising", "--since", LAST_WEEK, code=2)
    assert "--until" in wrong.stderr


def test_the_history_of_one_entity(process: Process) -> None:
    """Day by day, and who mentions it; on a terminal as a line."""
    found = json.loads(ask(process, "history", "Eleanor Whitcombe", "--json").stdout)
    assert found["entity"]["mentions"] == 13
    assert found["without_day"]["mentions"] == 1
    assert [day["mentions"] for day in found["days"]][-7:] == [0, 2, 2, 2, 2, 2, 2]
    assert [each["publication"] for each in found["publications"]] == ["The Post"]
    text = ask(process, "history", "nato", "--publication", "sun", "--since", YESTERDAY).stdout
    assert text.splitlines()[0] == "nato (ORG): 35 mentions in 35 articles of sun"
    assert [line.split() for line in text.splitlines()[2:]] == [
        [YESTERDAY, "1", "1", "1"],
        [iso(TODAY), "1", "1", "1"],
    ]
    shown = on_terminal(process, "history", "eleanor whitcombe")
    assert f"{iso(TODAY - 34)} {'_' * 29}██████ {iso(TODAY)}" in shown
    assert "1 of the mentions have no day" in shown
    unknown = ask(process, "history", "nobody", code=1)
    assert "`newstally find` tells what there is" in unknown.stderr


def test_names_by_their_beginning(process: Process) -> None:
    """The most mentioned first."""
    found = json.loads(ask(process, "find", "N", "--json").stdout)
    assert [(each["text"], each["mentions"]) for each in found["entities"]] == [("nato", 76)]
    assert not found["more"]
    surname = json.loads(ask(process, "find", "whitc", "--json").stdout)
    assert [each["text"] for each in surname["entities"]] == ["eleanor whitcombe"]
    assert "no name begins with 'zz'" in ask(process, "find", "zz").stderr


def test_programs_without_asyncio_ask_the_same(process: Process) -> None:
    """Every question, blocking."""
    with SyncNewstallyClient(process.address) as client:
        questions = client.questions
        assert questions.ranking("sun", limit=1).entities[0].mentions == 35
        assert questions.rising("the post").entities[0].entity.name == "eleanor whitcombe"
        assert questions.history("tallis").days[-1].period == iso(TODAY)
        assert questions.publications("tallis").publications[0].publication == "Sun"
        assert questions.find("tal").entities[0].mentions == 35
        with pytest.raises(NotFound):
            questions.history("nobody")


async def test_the_library_asks_the_same(process: Process) -> None:
    """Dates go in, values come out, pages are fetched as they are needed."""
    today = date(1970, 1, 1) + timedelta(days=TODAY)
    async with NewstallyClient(process.address) as client:
        questions = client.questions
        ranking = await questions.ranking(since=today, until=today, limit=1)
        assert [(each.text, each.mentions) for each in ranking.entities] == [("nato", 3)]
        assert ranking.articles == 3
        assert ranking.applied_time is not None
        rising = await questions.rising("The Post", since=today, until=today, min_articles=1)
        assert (rising.since, rising.base_until) == (today, today - timedelta(days=1))
        history = await questions.history("nato", since=today - timedelta(days=2))
        assert [day.mentions for day in history.days] == [3, 3, 3]
        across = await questions.publications("nato", until=today, limit=1)
        assert [each.mentions for each in across.publications] == [41]
        found = await questions.find("n", limit=1)
        assert (len(found.entities), found.more) == (1, False)
        with pytest.raises(NotFound):
            await questions.ranking("nobody")
        with pytest.raises(InvalidRequest):
            await questions.ranking(since=today, until=today - timedelta(days=1))
        with pytest.raises(ValueError, match="limit"):
            await questions.find("n", limit=0)
