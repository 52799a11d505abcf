"""The command as it is installed."""

import asyncio
import os
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from newstally.certificates.authority import Authority
from support.certificates import valid
from support.processes import REPOSITORY
from support.reference_gateway import ReferenceGateway

from .test_reaching import shown

PROJECT = tomllib.loads((REPOSITORY / "client" / "pyproject.toml").read_text())["project"]
MODULE, _, FUNCTION = PROJECT["scripts"]["newstally"].partition(":")
COMMAND = f"from {MODULE} import {FUNCTION}; {FUNCTION}()"


@pytest.mark.parametrize(("verbosity", "written"), [(None, False), ("INFO", True)])
async def test_no_lines_of_grpc_are_between_ours(
    tmp_path: Path, verbosity: str | None, *, written: bool
) -> None:
    """A handshake that fails is told once, with the remedy, unless gRPC's lines are wanted."""
    right, wrong = (Authority.new(datetime.now(UTC)) for _ in range(2))
    ca = tmp_path / "ca.pem"
    ca.write_bytes(wrong.certificate)
    environment = {name: value for name, value in os.environ.items() if "GRPC" not in name}
    if verbosity is not None:
        environment["GRPC_VERBOSITY"] = verbosity
    async with ReferenceGateway(credentials=shown(valid(right, ["127.0.0.1"]))) as gateway:
        asked = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", COMMAND, "publications"),
            *("--target", gateway.target, "--ca", str(ca)),
            stderr=asyncio.subprocess.PIPE,
            env=environment,
        )
        _, told = await asked.communicate()
    assert asked.returncode == 1
    assert b"error: no Newstally gateway at" in told
    assert (b"Handshake failed" in told) is written
    assert (len(told.splitlines()) == 1) is not written
