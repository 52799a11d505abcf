"""The guide's commands, followed by a shell that only pretends to have Google and a cluster."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PRETENDED = (
    "gcloud",
    "kubectl",
    "docker",
    "make",
    "newstally",
    "newstally-persister",
    "git",
    "sudo",
)
_NOTE = """\
#!{python}
import json, os, sys
from pathlib import Path
with Path(os.environ["FOLLOWED"]).open("a") as log:
    print(json.dumps([Path(sys.argv[0]).name, *sys.argv[1:]]), file=log)
if "--format=value(projectNumber)" in sys.argv:
    print("1234567890")
"""


@dataclass(frozen=True)
class Guide:
    """A page, as somebody who copies every command would read it."""

    text: str

    @property
    def script(self) -> str:
        """All console blocks of the page, in their order."""
        blocks = re.findall(r"^```console\n(.*?)^```$", self.text, re.MULTILINE | re.DOTALL)
        return re.sub(r"(\.venv|/opt/newstally)/bin/newstally\b", "newstally", "\n".join(blocks))

    def follow(self, directory: Path) -> list[list[str]]:
        """Run the commands; return each that was called. Raises CalledProcessError."""
        commands = directory / "bin"
        commands.mkdir()
        for name in PRETENDED:
            command = commands / name
            command.write_text(_NOTE.format(python=sys.executable))
            command.chmod(0o755)
        log = directory / "followed"
        log.touch()
        environment = {"PATH": f"{commands}:/usr/bin:/bin", "FOLLOWED": str(log), "HOME": "/"}
        # What runs in the background is not under job control here.
        script = f"set -euo pipefail\nkill() {{ :; }}\n{self.script}\nwait\n"
        subprocess.run(
            ["bash", "-c", script],
            env={**os.environ, **environment},
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=60,
        )
        return [json.loads(line) for line in log.read_text().splitlines()]


def flag(command: list[str], name: str) -> str:
    """Return the value of `--name=value`. Raises ValueError unless it is there once."""
    (value,) = (each.partition("=")[2] for each in command if each.startswith(f"--{name}="))
    return value
