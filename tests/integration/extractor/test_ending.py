"""How an extractor ends: killed by a text, by its own limit, broken, or drained."""

import json
import signal

import grpc
import pytest
from support.engines import (
    BREAK,
    DIE,
    EXIT,
    HANG,
    HANG_GIL,
    NO_MEMORY,
    SLEEP_VARIABLE,
)
from support.extractor_process import (
    extractor,
    link,
)


@pytest.mark.parametrize("deadly", [EXIT, DIE, HANG_GIL])
@pytest.mark.parametrize("alone", [True, False])
async def test_started_arrives_before_the_replica_dies(deadly: str, alone: bool) -> None:
    """The gateway knows what was being worked on when a replica dies of it, however fast."""
    async with extractor("--hard-limit", "0.5") as process, link(process) as gateway:
        await gateway.send(deadly, alone=alone)
        await gateway.end()
        assert gateway.started == [[1]]
        assert gateway.code is not grpc.StatusCode.OK
        assert await process.ended() in {1, -signal.SIGKILL}


@pytest.mark.parametrize("hanging", [HANG, HANG_GIL])
async def test_hard_limit(hanging: str) -> None:
    """A batch over the time limit ends the replica, even while the GIL is held, and says where."""
    async with extractor("--hard-limit", "0.5") as process, link(process) as gateway:
        await gateway.send(hanging)
        await gateway.end()
        assert await process.ended() == 1
    log = "".join(process.log)
    assert "Timeout" in log
    assert "_misbehave" in log


@pytest.mark.parametrize("breaking", [BREAK, NO_MEMORY])
async def test_a_broken_pipeline_refuses_nothing(breaking: str) -> None:
    """A pipeline that breaks after start ends its replica: others get the work, told why once."""
    async with extractor() as process, link(process) as gateway:
        await gateway.send("Good")
        await gateway.until(lambda: gateway.results)
        await gateway.send(f"Secret {breaking}", "Innocent", first_id=2)
        await gateway.end()
        assert list(gateway.results) == [1]
        assert gateway.code is grpc.StatusCode.UNAVAILABLE
        assert await process.ended() == 1
    (line,) = [line for line in process.log if "broken" in line]
    assert json.loads(line)["level"] == "error"
    assert "Secret" not in "".join(process.log)


async def test_drains_on_sigterm() -> None:
    """SIGTERM: Draining, then the answers to what came, then a clean end and exit code 0."""
    # Long enough for the signal to arrive before the answers go, on the busiest machine.
    async with extractor(**{SLEEP_VARIABLE: "1000"}) as process, link(process) as gateway:
        await gateway.send("One", "Two", "Three")
        await gateway.until(lambda: gateway.started)
        process.signal(signal.SIGTERM)
        await gateway.end()
        assert gateway.kinds[-1] == "results"
        assert "draining" in gateway.kinds
        assert len(gateway.results) == 3
        assert gateway.code is grpc.StatusCode.OK
        assert await process.ended() == 0


async def test_drain_ends_in_time() -> None:
    """What cannot be answered within the drain time stays unanswered; the end is clean."""
    async with extractor("--drain", "1") as process, link(process) as gateway:
        await gateway.send(HANG)
        await gateway.until(lambda: gateway.started)
        process.signal(signal.SIGTERM)
        # The engine works for an hour: without an end to its drain time it would, too.
        await gateway.end()
        assert gateway.code is grpc.StatusCode.OK
        assert not gateway.results
        assert await process.ended() == 0
