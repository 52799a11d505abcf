"""What the command line says of itself."""

import re

import pytest
from newstally_persister.__main__ import COMMANDS
from newstally_persister.settings import PersisterSettings
from newstally_runtime.settings import load


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Who asks the service finds what else it does, and nothing that it does not."""
    with pytest.raises(SystemExit) as ended:
        load(PersisterSettings, ["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: newstally-persister [")
    assert set(re.findall(r"^ *([a-z]+-[a-z]+)  +\w", printed, re.MULTILINE)) == {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_usage_names_the_command(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Copied without it, the line would start the service."""
    with pytest.raises(SystemExit) as ended:
        COMMANDS[command](["--help"])
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"usage: newstally-persister {command} [")
    assert str(PersisterSettings.__doc__).splitlines()[0] not in printed
