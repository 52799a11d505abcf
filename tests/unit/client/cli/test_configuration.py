"""Options from a file and the environment."""

import json
from pathlib import Path

import pytest
from newstally.cli import app
from newstally.cli.configuration import defaults
from newstally.errors import InputError
from support.reference_gateway import ReferenceGateway
from typer.core import TyperGroup
from typer.main import get_command

from .conftest import Run

GROUP = get_command(app)


async def test_the_file_says_what_the_command_line_does_not(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line goes before the environment, and that before the file."""
    news, file = tmp_path / "news.csv", tmp_path / "config.toml"
    news.write_text("source,a,b,c\nP,from the file,from the environment,said\n")
    sent = []
    async with ReferenceGateway() as gateway:
        file.write_text(
            f'target = "{gateway.target}"\n[upload]\ncontent-column = "a"\nid-column = "b"\n'
        )
        command = ("--config", file, "upload", news, "--json")
        for _ in range(2):
            result = await run(*command)
            sent += gateway.articles(json.loads(result.stdout)["upload_id"])
            monkeypatch.setenv("NEWSTALLY_UPLOAD_CONTENT_COLUMN", "b")
        result = await run(*command, "--content-column", "c")
        sent += gateway.articles(json.loads(result.stdout)["upload_id"])
        monkeypatch.setenv("NEWSTALLY_CONFIG", str(file))
        listed = await run("uploads", "--json")
    assert [text for _, text in sent] == ["from the file", "from the environment", "said"]
    assert len(json.loads(listed.stdout)) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[uplaod]\nrate = 1", r"\[uplaod\] is no command; there are: cert, compare"),
        ("[upload]\nrates = 1", "rates is no option of `newstally upload`"),
        ("targt = 'x'", "targt is an option of no command"),
        ("[uploads.show]\nrate = 1", "rate is no option of `newstally show`"),
        ("rate = ", "cannot be read: Invalid value"),
        ("\xff", "cannot be read: 'utf-8' codec"),
    ],
)
def test_what_is_no_option_is_told(tmp_path: Path, text: str, message: str) -> None:
    """A misspelt name must not mean nothing: an error with the file and the name."""
    file = tmp_path / "config.toml"
    file.write_bytes(text.encode("latin-1"))
    assert isinstance(GROUP, TyperGroup)
    with pytest.raises(InputError, match=f"config.toml: {message}"):
        defaults(GROUP, file, {})


async def test_a_file_that_was_named_must_be_there(run: Run, tmp_path: Path) -> None:
    """By default none need be; what is of another kind is told with its option."""
    missing = await run("--config", tmp_path / "none.toml", "up", "--help")
    assert (missing.exit_code, "none.toml: cannot be read: No such file" in missing.stderr) == (
        2,
        True,
    )
    file = tmp_path / "config.toml"
    file.write_text('[upload]\nrate = "fast"\n')
    wrong = await run("--config", file, "upload", file)
    assert (wrong.exit_code, "--rate" in wrong.stderr) == (2, True)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_shells_complete_commands(
    run: Run, monkeypatch: pytest.MonkeyPatch, shell: str
) -> None:
    """What `newstally --install-completion` installs asks the command itself, as a shell does."""
    monkeypatch.setenv("_NEWSTALLY_COMPLETE", f"source_{shell}")
    script = await run()
    monkeypatch.setenv("_NEWSTALLY_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("COMP_WORDS", "newstally upl")
    monkeypatch.setenv("COMP_CWORD", "1")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "newstally upl")
    monkeypatch.setenv("_TYPER_COMPLETE_FISH_ACTION", "get-args")
    completed = await run()
    assert "_NEWSTALLY_COMPLETE" in script.stdout
    assert "upload" in completed.stdout
    assert "compare" not in completed.stdout
