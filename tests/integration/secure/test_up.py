"""`newstally up --secure`, and the ways to use what it brought up that the README shows."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.processes import REPOSITORY, eventually
from support.trio import RULES

README = (REPOSITORY / "README.md").read_text()
SAMPLE = REPOSITORY / "sample" / "articles.jsonl"


@dataclass(frozen=True)
class Secured:
    """What runs, and what it said."""

    target: str
    page: str
    """Where the dashboard is."""
    data: Path
    said: str

    @property
    def ca(self) -> Path:
        return self.data / "secure" / "ca.pem"

    @property
    def key_file(self) -> Path:
        return self.data / "secure" / "key"


def read(address: str) -> str:
    """Return a page."""
    with urllib.request.urlopen(address, timeout=30) as answer:
        return str(answer.read().decode())


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    directory = tmp_path_factory.mktemp("up")
    data, log = directory / "data", directory / "log"
    command = [sys.executable, "-m", "newstally", "up", "--secure", "--data", str(data)]
    flags = ["--port", "0", "--extractors", "1", "--engine", RULES]
    flags += ["--dashboard", "--dashboard-port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "tests")}
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            [*command, *flags], env=environment, stdout=subprocess.PIPE, stderr=stderr, text=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert line.startswith("ready: "), log.read_text()
            target = line.rpartition("gateway ")[2].split(",")[0].strip()
            deadline = time.monotonic() + 60
            while "use it with" not in log.read_text() and time.monotonic() < deadline:
                time.sleep(0.05)
            page = line.rpartition("dashboard ")[2].strip()
            yield Secured(target, page, data, log.read_text())
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def newstally(*arguments: str | Path, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line, in an environment that knows nothing of any gateway."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("NEWSTALLY_")}
    return subprocess.run(
        [sys.executable, "-m", "newstally", *map(str, arguments)],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_it_says_how_it_is_used(secured: Secured) -> None:
    """With paths that are there, and not the key itself, here or in any process' arguments."""
    assert f"--ca {secured.ca}" in secured.said
    assert f"--key-file {secured.key_file}" in secured.said
    secret = secured.key_file.read_text().strip().partition(".")[2]
    assert secret not in secured.said
    for arguments in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert secret.encode() not in arguments.read_bytes()
        except OSError:
            continue  # it ended


def test_with_key_and_authority_an_upload_is_counted(secured: Secured, tmp_path: Path) -> None:
    """By flags, and by the environment."""
    state = {"NEWSTALLY_STATE_DIR": str(tmp_path)}
    flags: list[str | Path] = [
        "--ca",
        secured.ca,
        "--key-file",
        secured.key_file,
        "--target",
        secured.target,
    ]
    done = newstally("upload", SAMPLE, "--wait-applied", *flags, **state)
    assert done.returncode == 0, done.stderr
    variables = {
        **state,
        "NEWSTALLY_TARGET": secured.target,
        "NEWSTALLY_CA": str(secured.ca),
        "NEWSTALLY_KEY": secured.key_file.read_text(),
    }
    listed = newstally("publications", "--json", **variables)
    assert listed.returncode == 0, listed.stderr
    articles = sum(each["articles"] for each in json.loads(listed.stdout))
    assert articles == len(SAMPLE.read_text().splitlines())
    # What was uploaded with the first key, the dashboard sees with its own.
    # A page does not wait for what takes long; it is there when it is asked for again.
    eventually(lambda: "sqlite" in read(f"{secured.page}status"))
    count = f"{articles}<small> articles"
    eventually(lambda: count in read(f"{secured.page}live").partition("In uploads begun today")[2])


@pytest.mark.parametrize(
    ("left_out", "remedy"),
    [
        ("both", "--ca FILE (NEWSTALLY_CA"),
        ("authority", "--ca FILE (NEWSTALLY_CA"),
        ("key", "NEWSTALLY_KEY"),
    ],
)
def test_without_either_it_fails_with_the_remedy(
    secured: Secured, left_out: str, remedy: str, tmp_path: Path
) -> None:
    """Soon, exit code 1."""
    flags: list[str | Path] = ["--target", secured.target]
    if left_out == "key":
        flags += ["--ca", secured.ca]
    if left_out == "authority":
        flags += ["--key-file", secured.key_file]
    done = newstally("upload", SAMPLE, *flags, NEWSTALLY_STATE_DIR=str(tmp_path))
    assert done.returncode == 1
    assert remedy in done.stderr


def example(language: str, mark: str) -> str:
    """The block of the README's part on keys and TLS that has the mark."""
    part = README.partition("### With a key and TLS")[2].partition("\n## ")[0]
    blocks = re.findall(rf"```{language}\n(.*?)```", part, flags=re.DOTALL)
    (found,) = [block for block in blocks if mark in block]
    return str(found)


def shell(script: str, secured: Secured, directory: Path) -> str:
    """Run an example; return what it printed. Raises CalledProcessError."""
    place = str(secured.data)
    script = script.replace("127.0.0.1:50051", secured.target).replace("newstally-data", place)
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NEWSTALLY_TARGET": secured.target,
        "NEWSTALLY_STATE_DIR": str(directory),
        "NEWSTALLY_CA": str(secured.ca),
        "NEWSTALLY_KEY": secured.key_file.read_text().strip(),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=REPOSITORY,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("mark", ["NewstallyClient", "GatewayServiceStub"])
def test_the_python_examples_count_an_article(secured: Secured, mark: str, tmp_path: Path) -> None:
    """The client library and the generated stubs."""
    script = tmp_path / "example.py"
    text = example("python", mark).replace("127.0.0.1:50051", secured.target)
    script.write_text(text.replace("newstally-data", str(secured.data)))
    printed = shell(f"{sys.executable} {script}", secured, tmp_path)
    assert printed.split()[-1] == "1"


def test_the_command_line_example_uploads(secured: Secured, tmp_path: Path) -> None:
    """What it needs is in the environment."""
    script = example("console", "upload sample").replace(".venv/bin/", "")
    printed = shell(f"unset NEWSTALLY_CA NEWSTALLY_KEY\n{script}", secured, tmp_path)
    assert str(len(SAMPLE.read_text().splitlines())) in printed


def calls() -> dict[str, str]:
    """The examples for the command line, by their program."""
    lines = re.split(r"(?<!\\)\n", example("console", "buf curl"))
    return {line.split()[0]: line for line in lines if line}


@pytest.mark.parametrize("program", ["buf", "grpcurl"])
def test_the_generic_clients_upload(secured: Secured, program: str, tmp_path: Path) -> None:
    """Where they are installed."""
    if program != "buf" and shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    answer = json.loads(shell(calls()[program], secured, tmp_path))
    requests = (REPOSITORY / "sample" / "requests.jsonl").read_text().splitlines()
    assert int(answer["upload"]["counted"]) == len(requests)
