"""An upload that goes on: the same input again, another one, none."""

import asyncio
import json
import shlex
import signal
import sys
from pathlib import Path

import pytest
from newstally import Article, InputError, NewstallyClient
from newstally.cli.uploading.states import Stage, StateStore, UploadState
from support.reference_gateway import ReferenceGateway

from .conftest import Run, append, begun, given_up


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
    """When nothing is settled, the state is there already, and --resume needs no id."""
    async with ReferenceGateway() as first:
        failed = await given_up(run, first, "upload", articles)
    assert failed.exit_code == 1
    (upload_id,) = begun(states)
    assert f"--resume --upload-id {upload_id}" in failed.stderr
    async with ReferenceGateway() as gateway:
        gateway.journals = first.journals
        command = ("upload", articles, "--resume", "--json", "--target", gateway.target)
        elsewhere = await run(*command)
        result = await run(*command, "--moved")
    assert elsewhere.exit_code == 2
    assert f"was begun at {first.target}, not at" in elsewhere.stderr
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
            await given_up(run, gateway, *command, "--upload-id", "job")
        gateway.journals.clear()
        result = await run(*command, *more)
        assert (result.exit_code, result.stdout, gateway.journals) == (1, "", {})
        assert "upload job is not known at" in result.stderr
        assert "(NOT_FOUND): the persister's data was replaced" in result.stderr
        assert "run the command with --again, without --resume" in result.stderr
        assert (await run(*command)).exit_code == 1
        assert (await run(*command, "--again")).exit_code == 0
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


async def test_a_pipe_is_uploaded_and_resumed_with_the_same_bytes(run: Run) -> None:
    """`-` reads JSON Lines to the end; again with the same bytes and id changes nothing. Nothing is
    kept of them: more bytes behind them go on."""
    piped = '{"source": "P", "text": "good"}\n' * 3
    async with ReferenceGateway() as gateway:
        command = ("upload", "-", "--target", gateway.target, "--upload-id", "job", "--json")
        first = await run(*command, stdin=piped)
        again = await run(*command, "--resume", stdin=piped)
        assert gateway.received == 3
        more = await run(*command, "--resume", stdin=piped + piped)
    assert (first.exit_code, again.exit_code, more.exit_code) == (0, 0, 0)
    assert [json.loads(each.stdout)["counted"] for each in (first, again, more)] == [3, 3, 6]


async def test_a_pipe_that_was_cut_off_says_how_to_go_on(run: Run) -> None:
    """Nobody has kept the bytes: they must be piped again."""
    async with ReferenceGateway() as gateway:
        command = ("upload", "-", "--upload-id", "job")
        piped = '{"source": "P", "text": "good"}\n'
        result = await given_up(run, gateway, *command, stdin=piped)
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "; to go on, pipe the same bytes into: newstally upload - --resume --upload-id job\n"
    )


async def test_the_command_that_is_told_goes_on(
    run: Run, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says again how the input is read and the gateway reached, whether typed or configured.

    What is set in the environment stays set; how the upload was sent need not be so again.
    """
    key, other = tmp_path / "a key", tmp_path / "other"
    key.write_text("id.secret")
    monkeypatch.setenv("NEWSTALLY_TLS", "0")
    (tmp_path / "newstally").mkdir()
    (tmp_path / "newstally" / "config.toml").write_text("[upload]\nday-first = false\n")
    options = ("--key-file", key, "--state-dir", other, "--skip", "1", "--limit", "9", "--quiet")
    async with ReferenceGateway() as gateway:
        failed = await given_up(
            run, gateway, "upload", articles, *options, "--no-tls", "--rate", "90"
        )
        told = failed.stderr.partition("go on with: ")[2].replace("\n", "")
        result = await run(*shlex.split(told)[1:], "--json")
    (upload_id,) = begun(other)
    said = [
        "--no-tls",
        "--key-file",
        key,
        "--month-first",
        "--skip",
        1,
        "--limit",
        9,
        "--state-dir",
        other,
    ]
    command = ["newstally", "upload", articles, *said, "--resume", "--upload-id", upload_id]
    assert shlex.split(told) == [str(word) for word in command]
    assert (result.exit_code, json.loads(result.stdout)["counted"]) == (0, 9)


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
    # A gateway that answers late is told of before.
    said = err.decode().removeprefix(f"connecting to gateway {gateway.target}\n")
    assert said == (
        f"{what}; go on with: newstally upload {articles} --content-column text --state-dir"
        f" {tmp_path / 's'} --resume --upload-id job\n"
    )
