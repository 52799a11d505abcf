"""The examples run as their first lines say."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import REPOSITORY
from support.trio import Trio

EXAMPLES = REPOSITORY / "examples"
PRINTED = {
    "upload": "2 counted, 1 refused\narticle 2: CONTENT_EMPTY\n",
    "stream": "100 counted in ",
    "data_frame": "1 counted, 2 refused\nrow 1: CONTENT_EMPTY\nrow 2: PUBLICATION_EMPTY\n",
}


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running gateway."""
    flags = ("--flush-age", "0.05")
    with Trio(tmp_path_factory.mktemp("examples"), extractors=1, persister_flags=flags) as trio:
        yield trio.gateway.address


def run(*command: str | Path, folder: Path = REPOSITORY) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", PRINTED)
def test_the_python_examples_count_once(gateway: str, name: str) -> None:
    """Run twice they say the same: their uploads have ids of their own."""
    for _ in range(2):
        printed = run(sys.executable, EXAMPLES / "python" / f"{name}.py", gateway)
        assert printed.startswith(PRINTED[name])


def test_every_python_example_is_run() -> None:
    """None is added and forgotten."""
    assert {path.stem for path in (EXAMPLES / "python").glob("*.py")} == PRINTED.keys()
