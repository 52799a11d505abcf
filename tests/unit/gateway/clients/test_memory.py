"""Waiting for memory."""

import asyncio

import pytest
from newstally_gateway.clients.memory import Memory
from newstally_gateway.core.clients.admission import Admission
from newstally_gateway.metrics import Metrics
from prometheus_client import CollectorRegistry


@pytest.fixture
def memory() -> Memory:
    """Two streams of at most 100 bytes' guarantee each."""
    return Memory(Admission(200, 100), Metrics(CollectorRegistry()))


async def test_what_does_not_fit_waits_until_it_does(memory: Memory) -> None:
    """A release wakes whom it gives room to."""
    assert memory.open("a")
    await memory.admit("a", 100)
    assert memory.open("b")
    await memory.admit("b", 100)
    waiting = asyncio.create_task(memory.admit("a", 50))
    await asyncio.sleep(0)
    assert not waiting.done()
    memory.release("a", 60)
    await waiting
    assert memory.used_bytes == 190


async def test_a_stream_that_is_closed_gives_back_all_and_waits_for_nothing(
    memory: Memory,
) -> None:
    """Cancelled while it waited: nothing stays charged, and the others are served."""
    memory.open("a")
    memory.open("b")
    await memory.admit("a", 100)
    await memory.admit("b", 100)
    mine = asyncio.create_task(memory.admit("a", 50))
    theirs = asyncio.create_task(memory.admit("b", 50))
    await asyncio.sleep(0)
    mine.cancel()
    await asyncio.wait({mine})
    memory.close("a")
    await theirs
    assert memory.used_bytes == 150
    memory.close("b")
    assert memory.used_bytes == 0
