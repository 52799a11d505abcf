"""The start of an extractor."""

import asyncio
import os
import sys

import pytest
from newstally_runtime.lifeline import VARIABLE
from support.engines import (
    LOADING_VARIABLE,
)
from support.extractor_process import (
    PATIENCE_SECONDS,
    TESTS,
)


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--engine", "stock", "--model", "no_such_model"), "--model (NEWSTALLY_EXTRACTOR_MODEL)"),
        (("--engine", "no.such:thing"), "--engine (NEWSTALLY_EXTRACTOR_ENGINE)"),
        (("--hard-limit", "-1"), "--hard-limit (NEWSTALLY_EXTRACTOR_HARD_LIMIT)"),
    ],
)
async def test_wrong_settings_end_it_at_start(flags: tuple[str, ...], named: str) -> None:
    """A setting that cannot work: one line that names it, exit code 2, no traceback."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally_extractor", *flags),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stderr=asyncio.subprocess.PIPE,
    )
    _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode == 2
    assert errors.decode().startswith(named)
    assert errors.count(b"\n") == 1


async def test_a_stuck_load_does_not_outlive_the_launcher() -> None:
    """The lifeline counts while the model is being loaded, too."""
    lifeline, launcher = os.pipe()
    loading, engine = os.pipe()
    paths = [str(TESTS), *filter(None, sys.path)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "newstally_extractor", "--engine", "support.engines:stuck"),
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(paths),
            VARIABLE: str(lifeline),
            LOADING_VARIABLE: str(engine),
        },
        pass_fds=[lifeline, engine],
        stderr=asyncio.subprocess.DEVNULL,
    )
    os.close(lifeline)
    os.close(engine)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await asyncio.to_thread(os.read, loading, 1) == b"", "the load has begun"
        assert process.returncode is None
        os.close(launcher)
        launcher = -1
        await asyncio.wait_for(process.wait(), PATIENCE_SECONDS)
    finally:
        os.close(loading)
        if launcher >= 0:
            os.close(launcher)
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0


async def test_numeric_libraries_are_pinned_before_they_load() -> None:
    """The command itself loads no numeric library, so that its thread settings are in time."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c"),
        "import sys, newstally_extractor.__main__; sys.exit('numpy' in sys.modules)",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    assert await asyncio.wait_for(process.wait(), PATIENCE_SECONDS) == 0
