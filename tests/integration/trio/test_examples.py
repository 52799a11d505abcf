"""The examples run as their first lines say."""

import os
import shutil
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


def run(*command: str | Path, folder: Path = REPOSITORY, **environment: str) -> str:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=240,
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


STUBS = "2 counted, 1 refused\n"
UNREACHED = (
    *("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH"),
    *("ERR_SOCKET_TIMEOUT", "EIDLETIMEOUT", "code E429", "code E50"),
    *("no such host", "connection refused", "i/o timeout", "network is unreachable"),
    *("connection reset by peer", "TLS handshake timeout", "Client.Timeout exceeded"),
    "timed out after",
)
"""How npm and go, and `subprocess`, say that a registry does not answer, or has enough to do."""


@pytest.mark.slow
def test_the_typescript_example_counts_once(gateway: str, tmp_path: Path) -> None:
    """Stubs are generated, types are checked, and run twice it says the same."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("node is not at hand")
    folder = copied("typescript", tmp_path)
    packages = ("install", "--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
    try:
        run(npm, *packages, folder=folder)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        if any(word in str(error) for word in UNREACHED):
            pytest.skip("the registry of its packages is not reached from here")
        raise
    for script in ("generate", "check"):
        run(npm, "run", "--silent", script, folder=folder)
    for _ in range(2):
        printed = run(npm, "run", "--silent", "start", "--", gateway, folder=folder)
        assert printed.startswith(STUBS)
        assert "berlin (ORG): 2" in printed


@pytest.mark.slow
def test_the_go_example_counts_once(gateway: str, tmp_path: Path) -> None:
    """Stubs are generated, it is vetted and built, and run twice it says the same.

    With the packages of Debian 13 where they are at hand, or else with modules.
    """
    needed = ("go", "protoc-gen-go", "protoc-gen-go-grpc")
    missing = [each for each in needed if not shutil.which(each)]
    if missing:
        pytest.skip(f"not at hand: {', '.join(missing)}")
    folder = copied("go", tmp_path)
    run(Path(sys.executable).with_name("buf"), "generate", folder=folder)
    paths = [*run("go", "env", "GOPATH").strip().split(":"), "/usr/share/gocode"]
    packages = next(filter(recent, paths), None)
    if packages is None:
        environment = {"GO111MODULE": "on"}
        try:
            run("go", "mod", "tidy", folder=folder, **environment)
        except (AssertionError, subprocess.TimeoutExpired) as error:
            if any(word in str(error) for word in UNREACHED):
                pytest.skip("neither Debian's packages are at hand (1.63 or newer) nor its modules")
            if "go.mod file indicates go" in str(error):
                pytest.skip("go is older than the example wants it")
            raise
    else:
        environment = {"GO111MODULE": "off", "GOPATH": f"{tmp_path / 'go'}:{packages}"}
        folder = shutil.copytree(folder, tmp_path / "go" / "src" / "newstally.example" / "upload")
    run("go", "vet", ".", folder=folder, **environment)
    run("go", "build", "-o", tmp_path / "example", ".", folder=folder, **environment)
    for _ in range(2):
        printed = run(tmp_path / "example", gateway)
        assert printed.startswith(STUBS)
        assert "berlin (ORG): 2" in printed


def recent(path: str) -> bool:
    """Whether gRPC for Go is there, and as recent as the example wants it: 1.63."""
    source = Path(path, "src/google.golang.org/grpc/clientconn.go")
    return source.exists() and "func NewClient(" in source.read_text()


def copied(name: str, tmp_path: Path) -> Path:
    """Return a copy of an example beside the protos, without what was made of it before."""
    made = shutil.ignore_patterns("node_modules", "gen", "go.sum")
    shutil.copytree(REPOSITORY / "protos" / "newstally", tmp_path / "protos" / "newstally")
    shutil.copy(REPOSITORY / "protos" / "buf.yaml", tmp_path / "protos")
    return Path(shutil.copytree(EXAMPLES / name, tmp_path / "examples" / name, ignore=made))
