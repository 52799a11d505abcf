"""The command line against the reference gateway."""

import asyncio
import json
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from newstally import Article, InputError, NewstallyClient
from newstally.cli import app
from newstally.cli.display import LineDisplay
from newstally.cli.report import SHOWN_REFUSALS
from newstally.cli.states import Stage, StateStore, UploadState
from newstally.errors import GatewayUnavailable
from newstally.values import Progress, Upload, UploadEvent, Waiting
from support.reference_gateway import Fault, ReferenceGateway
from typer.testing import CliRunner, Result

Run = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def states(tmp_path: Path) -> Path:
    return tmp_path / "states"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, states: Path) -> Run:
    """Runs the command line in a thread, with states of its own."""
    monkeypatch.setenv("NEWSTALLY_STATE_DIR", str(states))
    monkeypatch.delenv("NEWSTALLY_TARGET", raising=False)
    monkeypatch.setenv("COLUMNS", "120")

    async def invoke(*arguments: str | Path, stdin: str = "") -> Result:
        command = [str(argument) for argument in arguments]
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, command, input=stdin))

    return invoke


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    path = tmp_path / "articles.csv"
    rows = "".join(f"The Daily,anna met anna in rome {n},{n}\n" for n in range(30))
    path.write_text("source,text,id\n" + rows)
    return path


def begun(states: Path) -> list[str]:
    return [path.stem for path in states.glob("*.json")]


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


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


async def test_the_same_upload_again_changes_nothing(run: Run, articles: Path) -> None:
    """Twice with one --upload-id ends well both times and counts once; so does --resume after."""
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target, "--upload-id", "job", "--json")
        results = [await run(*command), await run(*command), await run(*command, "--resume")]
    assert [result.exit_code for result in results] == [0, 0, 0]
    assert [json.loads(result.stdout)["counted"] for result in results] == [30, 30, 30]
    assert gateway.received == 30


async def test_the_state_is_on_disk_before_the_first_article(
    run: Run, articles: Path, states: Path
) -> None:
    """When no gateway answers, the state is there already, and --resume needs no id."""
    failed = await run("upload", articles, "--target", "127.0.0.1:1", "--give-up-after", "0.05")
    assert failed.exit_code == 1
    (upload_id,) = begun(states)
    assert f"--resume --upload-id {upload_id}" in failed.stderr
    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--resume", "--json", "--target", gateway.target)
        elsewhere = await run(*command)
        result = await run(*command, "--moved")
    assert elsewhere.exit_code == 2
    assert "was begun at 127.0.0.1:1, not at" in elsewhere.stderr
    assert json.loads(result.stdout)["upload_id"] == upload_id
    state = StateStore(states).find(upload_id)
    assert state is not None
    assert state.stage is Stage.FINISHED


async def test_another_input_is_refused(run: Run, articles: Path) -> None:
    """Resuming with a changed file sends nothing: exit code 2 and one line."""
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target, "--upload-id", "job")
        await run("upload", articles, *options)
        received = gateway.received
        append(articles, "The Daily,one more,30\n")
        for more in ((), ("--resume",)):
            result = await run("upload", articles, *options, *more)
            assert result.exit_code == 2
            assert "upload job is of another input" in result.stderr
            assert len(result.stderr.splitlines()) == 1
    assert gateway.received == received


async def test_an_upload_begun_elsewhere_goes_on_with_a_note(
    run: Run, articles: Path, tmp_path: Path
) -> None:
    """Without a state nothing proves that the input is the same: the user is told."""
    async with ReferenceGateway() as gateway:
        options = ("--target", gateway.target, "--upload-id", "job", "--json")
        await run("upload", articles, *options)
        result = await run("upload", articles, *options, "--state-dir", tmp_path / "other")
        assert result.exit_code == 0
        assert "30 articles of upload job were settled by somebody else" in result.stderr
        shorter = tmp_path / "short.csv"
        shorter.write_text("source,text\nP,x\n")
        result = await run("upload", shorter, *options, "--state-dir", tmp_path / "third")
    assert result.exit_code == 2
    assert "it is of another input" in result.stderr


async def test_an_upload_of_another_input_stays_refused(run: Run, tmp_path: Path) -> None:
    """However often it is tried, and with --resume: exit code 2, nothing sent, no state left."""
    short = tmp_path / "short.csv"
    short.write_text("source,text\nP,x\n")
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        await client.upload([Article("P", "y")] * 3, upload_id="job")
        command = ("upload", short, "--target", gateway.target)
        for more in (("--upload-id", "job"), ("--upload-id", "job"), ("--resume",)):
            result = await run(*command, *more)
            assert (result.exit_code, result.stdout) == (2, "")
    assert gateway.received == 3
    assert begun(tmp_path / "states") == []


async def test_more_settled_than_the_input_has_is_refused_for_a_known_upload(
    run: Run, articles: Path
) -> None:
    """Somebody else sent another input under the id: no success is reported; the state stays."""
    async with ReferenceGateway() as gateway, NewstallyClient(gateway.target) as client:
        command = ("upload", articles, "--target", gateway.target, "--upload-id", "job")
        assert (await run(*command)).exit_code == 0
        await client.upload([Article("P", "y")] * 31, upload_id="job")
        result = await run(*command, "--resume")
        assert "31 articles settled, but this input has only 30" in result.stderr
        assert (await run(*command, "--resume")).exit_code == result.exit_code == 2


@pytest.mark.parametrize("more", [("--resume",), ("--upload-id", "job")])
@pytest.mark.parametrize("finished", [True, False])
async def test_a_lost_upload_is_not_begun_anew(
    run: Run, articles: Path, states: Path, more: tuple[str, ...], finished: bool
) -> None:
    """Settled articles are counted in the sink already: NOT_FOUND, and how to count them again."""
    async with ReferenceGateway(batch=10) as gateway:
        command = ("upload", articles, "--target", gateway.target)
        if finished:
            await run(*command, "--upload-id", "job")
        else:
            gateway.paused = True
            await run(*command, "--upload-id", "job", "--give-up-after", "0.3")
            gateway.paused = False
        gateway.journals.clear()
        result = await run(*command, *more)
        assert (result.exit_code, result.stdout, gateway.journals) == (1, "", {})
        assert "upload job is not known at" in result.stderr
        assert "(NOT_FOUND): the persister's data was replaced" in result.stderr
        assert "run the command without --resume and --upload-id" in result.stderr
        assert (await run(*command)).exit_code == 0
    assert len(begun(states)) == 2


async def test_what_createupload_answered_is_on_disk_before_the_first_article(
    run: Run, articles: Path, states: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If that cannot be saved, nothing is sent, and the upload can still be made or found."""
    save = StateStore.advance

    def full(store: StateStore, state: UploadState, stage: Stage) -> None:
        raise InputError("No space left on device")

    async with ReferenceGateway() as gateway:
        command = ("upload", articles, "--target", gateway.target, "--upload-id", "job")
        monkeypatch.setattr(StateStore, "advance", full)
        assert (await run(*command)).exit_code == 2
        assert gateway.received == 0
        monkeypatch.setattr(StateStore, "advance", save)
        gateway.journals.clear()
        result = await run(*command, "--resume")
    assert (result.exit_code, "settled by somebody" in result.stderr) == (0, False)
    assert gateway.received == 30


async def test_an_upload_that_was_never_made_leaves_no_state(
    run: Run, articles: Path, states: Path
) -> None:
    """An id that another owner has is nothing to resume."""
    async with ReferenceGateway() as gateway:
        gateway.owned_by_others.add("job")
        await run("upload", articles, "--target", gateway.target, "--upload-id", "job")
    assert begun(states) == []


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
    assert "3 articles settled (1 counted, 2 refused, 1 of them malformed)" in text.stdout


async def test_an_input_without_records_is_told(run: Run, tmp_path: Path) -> None:
    """It is done at once, but hardly what was meant."""
    path = tmp_path / "empty.jsonl"
    path.write_text("\n")
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target)
    assert (result.exit_code, result.stderr) == (0, "note: the input has no records\n")


async def test_refused_articles_are_no_failure(run: Run, tmp_path: Path) -> None:
    """The gateway's own verdicts on articles are reported; exit code 0."""
    path = tmp_path / "some.jsonl"
    path.write_text('{"source": "P", "text": "good"}\n{"source": "P", "text": " "}\n')
    async with ReferenceGateway() as gateway:
        result = await run("upload", path, "--target", gateway.target)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "(1 counted, 1 refused)" in result.stdout


async def test_a_pipe_is_uploaded_and_resumed_with_the_same_bytes(run: Run) -> None:
    """`-` reads JSON Lines to the end; again with the same bytes and id changes nothing; other
    bytes are refused."""
    piped = '{"source": "P", "text": "good"}\n' * 3
    async with ReferenceGateway() as gateway:
        command = ("upload", "-", "--target", gateway.target, "--upload-id", "job", "--json")
        first = await run(*command, stdin=piped)
        again = await run(*command, "--resume", stdin=piped)
        other = await run(*command, "--resume", stdin=piped + piped)
    assert (first.exit_code, again.exit_code, other.exit_code) == (0, 0, 2)
    assert json.loads(again.stdout)["counted"] == gateway.received == 3
    assert "upload job is of another input (stdin)" in other.stderr


async def test_a_pipe_that_was_cut_off_says_how_to_go_on(run: Run) -> None:
    """Nobody has kept the bytes: they must be piped again."""
    result = await run(
        *("upload", "-", "--upload-id", "job"),
        *("--target", "127.0.0.1:1", "--give-up-after", "0.05"),
        stdin='{"source": "P", "text": "good"}\n',
    )
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "; to go on, pipe the same bytes into: newstally upload - --resume --upload-id job\n"
    )


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
    again = await run(*command, *("--encoding", "latin-1", "--give-up-after", "0.05"))
    assert f"upload {path} --encoding latin-1 --delimiter ';' --resume" in again.stderr


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
    monkeypatch.setattr("newstally.client.APPLIED_POLL_SECONDS", 0.01)
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


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
async def test_no_patience_at_all_is_refused(
    run: Run, articles: Path, states: Path, seconds: str
) -> None:
    """--give-up-after 0 would fail against a healthy gateway: exit code 2, nothing begun."""
    result = await run("upload", articles, "--give-up-after", seconds, "--target", "127.0.0.1:1")
    assert result.exit_code == 2
    assert "--give-up-after takes seconds, above 0" in result.stderr
    assert begun(states) == []


async def test_a_refusal_for_good_is_exit_code_1(run: Run, articles: Path) -> None:
    """Permanent errors end the command with one line."""
    async with ReferenceGateway() as gateway:
        gateway.owned_by_others.add("job")
        result = await run("upload", articles, "--target", gateway.target, "--upload-id", "job")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: another owner's (ALREADY_EXISTS)\n"


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
        {"text": "anna", "label": "WORD", "mentions": 60, "articles": 30},
        {"text": "in", "label": "WORD", "mentions": 30, "articles": 30},
    ]
    assert json.loads(none.stdout) == []
    assert table.stdout.splitlines()[1].split() == ["anna", "WORD", "60", "30"]
    assert json.loads(all_publications.stdout) == [
        {"publication": "The Daily", "articles": 30, "mentions": 180}
    ]
    assert "The Daily" in listed.stdout
    assert (unknown.exit_code, unknown.stdout) == (1, "")
    assert unknown.stderr == (
        "error: nothing of that publication (NOT_FOUND); `newstally publications` lists those there"
        " are\n"
    )


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


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """A shell's background job ignores SIGINT, and so would what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    ("number", "exit_code", "what"),
    [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")],
)
async def test_a_stopped_upload_tells_how_to_resume(
    heeds_ctrl_c: None, tmp_path: Path, articles: Path, number: int, exit_code: int, what: str
) -> None:
    """Ctrl-C or SIGTERM: 130 or 143, and the command that goes on with the upload."""
    async with ReferenceGateway() as gateway:
        gateway.paused = True
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "newstally", "upload", str(articles)),
            *("--target", gateway.target, "--state-dir", str(tmp_path / "s"), "--upload-id", "job"),
            *("--content-column", "text"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(90):
            await gateway.until_unsettled(30)
            process.send_signal(number)
            out, err = await process.communicate()
    assert (process.returncode, out) == (exit_code, b"")
    assert err.decode() == (
        f"{what}; go on with: newstally upload {articles} --content-column text --state-dir"
        f" {tmp_path / 's'} --resume --upload-id job\n"
    )


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


@pytest.mark.parametrize("command", [("publications",), ("top", "the daily")])
async def test_a_gateway_that_does_not_answer_is_told_with_remedies(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """One line that names the gateway; exit code 1."""
    monkeypatch.setattr("newstally.cli.tallies.PATIENCE_SECONDS", 0.05)
    result = await run(*command, "--target", "127.0.0.1:1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(
        "error: gateway 127.0.0.1:1 has not answered for 0.05 s; is it running? `newstally up`"
    )


async def test_no_publications_are_told(run: Run) -> None:
    """Not an empty table."""
    async with ReferenceGateway() as gateway:
        result = await run("publications", "--target", gateway.target)
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no publications yet" in result.stderr


async def test_the_version_is_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the distribution."""
    monkeypatch.setattr("newstally.cli.version", lambda name: {"newstally": "1.2.3"}[name])
    result = await run("--version")
    assert (result.exit_code, result.stdout) == (0, "newstally 1.2.3\n")


async def test_up_fails_at_once_for_a_flag_that_no_service_has(run: Run, tmp_path: Path) -> None:
    """Before anything is started: exit code 2, and the nearest names."""
    data = tmp_path / "data"
    result = await run("up", "--data", data, "--set", "gateway.batchage=1")
    assert result.exit_code == 2
    assert result.stderr == (
        "error: --set gateway.batchage=1: the gateway has no such flag; did you mean batch-age or"
        " batch-bytes?\n"
    )
    assert not data.exists()


async def test_up_says_which_service_is_not_installed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client alone cannot run the trio; the message names the distribution."""
    monkeypatch.setattr("newstally.up.services.importlib.util.find_spec", lambda name: None)
    result = await run("up")
    assert result.exit_code == 2
    assert "pip install newstally-persister" in result.stderr


class Screen:
    """A display over a clock of its own, and what it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._now = 0.0
        self._display = LineDisplay(1000, "host:1", self.said.append, lambda: self._now)

    def show(self, event: UploadEvent, *times: float) -> None:
        for self._now in times:
            self._display(event)


def test_lines_say_how_far_it_is() -> None:
    """Without a terminal: a line every 5 s, but none that says the same again."""
    screen = Screen()
    for now in (0.0, 2.0, 4.0, 5.0, 7.0):
        screen.show(Progress(upload(int(now) * 10)), now)
    assert screen.said == ["settled 50 of 1,000 articles, 10/s, about 95 s left"]
    screen.show(Progress(upload(70)), 10.0, 12.0, 16.0, 21.0)
    assert len(screen.said) == 2


def test_lines_say_once_what_is_waited_for() -> None:
    """A line soon after the gateway went away, one per kind of trouble, one when it goes on."""
    screen = Screen()
    refused = Waiting(GatewayUnavailable("refused"), 0.1)
    screen.show(refused, 0.0, 0.9)
    assert screen.said == []
    screen.show(refused, 1.1, 9.0, 60.0)
    assert screen.said == ["waiting for gateway host:1: refused"]
    for now in (61.0, 62.0, 90.0):
        screen.show(Waiting(GatewayUnavailable("draining"), 0.1), now)
        screen.show(refused, now)
    assert screen.said[1:] == ["waiting for gateway host:1: draining"]
    screen.show(Progress(upload(0)), 91.0, 92.0)
    assert screen.said[2:] == ["gateway host:1 goes on"]


def test_lines_tell_once_that_a_gateway_settles_nothing() -> None:
    """Heartbeats alone are no progress; a failure and a heartbeat in turn are one trouble."""
    screen = Screen()
    screen.show(Progress(upload(0)), 0.0, 5.0, 14.9)
    assert screen.said == []
    screen.show(Progress(upload(0)), 15.0, 20.0, 60.0)
    assert [line.partition(";")[0] for line in screen.said] == [
        "waiting for gateway host:1: it answers, but settles nothing"
    ]
    for now in (61.0, 62.0, 63.0):
        screen.show(Waiting(GatewayUnavailable("busy"), 2.0), now)
        screen.show(Progress(upload(0)), now)
    assert screen.said[1:] == ["waiting for gateway host:1: busy"]
    screen.show(Progress(upload(10)), 64.0)
    assert screen.said[2] == "gateway host:1 goes on"


def upload(next_offset: int) -> Upload:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return Upload("job", next_offset, 0, next_offset, 0, 0, (), time, time)
