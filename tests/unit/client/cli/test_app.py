"""The command as a whole: its version, and what keeps `newstally up` from starting."""

import asyncio
import os
import sys
from pathlib import Path

import pytest
from support.reference_gateway import ReferenceGateway

from .conftest import Run


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
    assert "the persister is not installed in" in result.stderr
    assert "./persister" in result.stderr


async def test_names_that_the_terminal_cannot_write_are_written_out(tmp_path: Path) -> None:
    """In its encoding, or in any: a lone half of a sign is in none."""
    path = tmp_path / "a.jsonl"
    path.write_text('{"publication": "\\u65e5 Post \\ud800", "content": "Ada"}\n')
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally", "upload", "--dry-run", str(path)),
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(90):
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert r"1  \u65e5 Post \ud800" in out.decode("latin-1")


async def test_what_was_typed_and_is_no_text_is_told(run: Run) -> None:
    """Bytes that are not UTF-8: exit code 2, and which argument."""
    async with ReferenceGateway() as gateway:
        result = await run("refusals", "upload-\udcff", "--target", gateway.target)
    assert result.exit_code == 2
    assert result.stderr.startswith("error: 'upload-\\udcff' is no text:")


async def test_an_empty_path_is_not_here(run: Run) -> None:
    """It is of a variable that is not set: exit code 2, and nothing is made."""
    for command in (("up", "--data", ""), ("upload", "a.csv", "--state-dir", "")):
        result = await run(*command)
        assert result.exit_code == 2
        assert "is empty: name a path" in result.stderr
    assert os.listdir() == []
