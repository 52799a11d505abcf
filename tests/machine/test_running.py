"""The services with their units' variables, and with memory as their units allow it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from machine.units import read
from manifests.objects import REPOSITORY
from newstally import NewstallyClient
from support.corpus import make_articles
from support.processes import Process

pytestmark = pytest.mark.processes

TESTS = {"PYTHONPATH": str(REPOSITORY / "tests")}


@pytest.fixture(scope="module", autouse=True)
def _kernel() -> None:
    command = [sys.executable, "-m", "support.hardened", "--probe"]
    done = subprocess.run(command, env={**os.environ, **TESTS}, check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip("the kernel cannot refuse executable memory that was written (Linux 6.3)")


def unit_process(name: str, log: Path, *flags: str) -> Process:
    """Return what a unit runs; flags stand for the ports and the disk of another machine."""
    variables = read()[f"newstally-{name}"].environment()
    environment = {**variables, "HARDENED_MODULE": f"newstally_{name}"}
    return Process("support.hardened", flags, log, environment)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Process]:
    """All three, with the default pipeline."""
    data = ("--data-dir", str(tmp_path / "data"), "--sqlite-path", str(tmp_path / "tallies.db"))
    with ExitStack() as stack:
        persister = stack.enter_context(unit_process("persister", tmp_path / "p.log", *data))
        extractor = stack.enter_context(unit_process("extractor", tmp_path / "e.log"))
        targets = ("--persister", persister.address, "--extractors", extractor.address)
        yield stack.enter_context(unit_process("gateway", tmp_path / "g.log", *targets))


async def test_they_count_without_executable_memory(gateway: Process) -> None:
    """Interpreter, gRPC, numpy and pipeline do under `MemoryDenyWriteExecute=yes`."""
    async with NewstallyClient(gateway.address) as client:
        upload = await client.upload(make_articles(20))
        assert upload.counted == 20
        assert (await client.wait_applied(upload.upload_id)).applied_offset == 20


def test_googles_libraries_start_without_executable_memory(tmp_path: Path) -> None:
    """The persister with the other sink."""
    flags = ("--data-dir", str(tmp_path / "data"), "--sink", "firestore")
    project = ("--firestore-project", "nowhere")
    with unit_process("persister", tmp_path / "log", *flags, *project) as persister:
        assert persister.running


def test_the_kernel_refuses_what_is_asked() -> None:
    """The two above could fail: a child that asks for such memory does not get it."""
    program = (
        "import mmap; from support.hardened import refuse_executable_writes as refuse;"
        "assert refuse();"
        "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env={**os.environ, **TESTS}, check=False, capture_output=True)
    assert b"PermissionError" in done.stderr
    without = program.replace("assert refuse();", "")
    subprocess.run([*command[:2], without], env={**os.environ, **TESTS}, check=True)
