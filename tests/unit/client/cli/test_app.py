"""The command as a whole: its version, and what keeps `newstally up` from starting."""

from pathlib import Path

import pytest

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
