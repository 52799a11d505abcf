"""The command line against the reference gateway."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest
from newstally.cli import app
from newstally.cli.uploading import display, reaching
from support.reference_gateway import ReferenceGateway
from typer.testing import CliRunner, Result

Run = Callable[..., Coroutine[Any, Any, Result]]


@pytest.fixture
def states(tmp_path: Path) -> Path:
    return tmp_path / "states"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, states: Path) -> Run:
    """Runs the command line in a thread, with states of its own."""
    monkeypatch.setenv("NEWSTALLY_STATE_DIR", str(states))
    for name in ("TARGET", "KEY", "KEY_FILE"):
        monkeypatch.delenv(f"NEWSTALLY_{name}", raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(states.parent))
    monkeypatch.chdir(states.parent)  # where rejects of a pipe go
    # Nothing is said of how long it takes, however slow the machine is.
    monkeypatch.setattr(reaching, "SIGN_AFTER_SECONDS", 60.0)
    monkeypatch.setattr(display, "LINE_EVERY_SECONDS", 3_600.0)

    async def invoke(*arguments: str | Path, stdin: str = "") -> Result:
        command = [str(argument) for argument in arguments]
        return await asyncio.to_thread(lambda: CliRunner().invoke(app, command, input=stdin))

    return invoke


@pytest.fixture
def heeds_ctrl_c() -> Iterator[None]:
    """A shell's background job ignores SIGINT, and so would what it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    path = tmp_path / "articles.csv"
    rows = "".join(f"The Daily,anna met anna in rome {n},{n}\n" for n in range(30))
    path.write_text("source,text,id\n" + rows)
    return path


async def given_up(
    run: Run, gateway: ReferenceGateway, *command: str | Path, **more: str
) -> Result:
    """Run a command that gives up while nothing is settled.

    It runs again where this machine stood still until it gave up, and nothing had come yet.
    """
    gateway.paused = True
    while True:
        result = await run(*command, "--target", gateway.target, "--give-up-after", "1", **more)
        assert result.exit_code == 1, result.stderr  # it gave up, and did not fail before
        if gateway.received:
            gateway.paused = False
            return result


def begun(states: Path) -> list[str]:
    return [path.stem for path in states.glob("*.json")]


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)
