"""What the persister is told, when: over a real connection, to one that calls each error new."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.client import Persister
from newstally_gateway.status import exchange
from newstally_gateway.status.exchange import Exchange
from newstally_protos.v1 import persister_pb2, persister_pb2_grpc
from newstally_protos.v1.status_pb2 import ErrorGroup, ProcessStatus
from prometheus_client import CollectorRegistry
from support import ports


class Everything(persister_pb2_grpc.PersisterServiceServicer):
    """Takes whatever it is told for new."""

    def __init__(self) -> None:
        self.calls = 0
        self.fails = False

    async def ExchangeStatus(
        self, request: persister_pb2.ExchangeStatusRequest, context: Any
    ) -> persister_pb2.ExchangeStatusResponse:
        self.calls += 1
        if self.fails:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        new = [each.fingerprint for each in request.sightings if each.fingerprint]
        return persister_pb2.ExchangeStatusResponse(new_errors=new)


@pytest.fixture
async def everything() -> Everything:
    return Everything()


@pytest.fixture
async def asked(everything: Everything, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Exchange]:
    """One whose answers stay fresh for as long as a test takes."""
    monkeypatch.setattr(exchange, "FRESH_SECONDS", 3_600.0)
    server = grpc.aio.server()
    persister_pb2_grpc.add_PersisterServiceServicer_to_server(everything, server)
    address = f"127.0.0.1:{ports.free()}"
    assert server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        yield Exchange(Persister(channel, Metrics(CollectorRegistry())), list)
    await server.stop(None)


def process(*errors: str) -> ProcessStatus:
    groups = [ErrorGroup(fingerprint=each) for each in errors]
    return ProcessStatus(service="extractor", release="1", errors=groups)


async def new_of(asked: Exchange, *processes: ProcessStatus) -> list[str]:
    answer = await asked.ask(processes)
    assert not isinstance(answer, str), answer
    return list(answer.new_errors)


async def test_an_error_is_told_however_fresh_the_answer_before_it(asked: Exchange) -> None:
    """Or else whoever asks twice at once would see it, and not that it is new."""
    assert await new_of(asked, process()) == []
    assert await new_of(asked, process("f")) == ["f"]


async def test_a_release_is_told_however_fresh_the_answer_before_it(
    asked: Exchange, everything: Everything
) -> None:
    """Which releases came first decides which errors are new."""
    await asked.ask([process()])
    await asked.ask([process(), ProcessStatus(service="extractor", release="2")])
    assert everything.calls == 2


async def test_what_was_told_a_moment_ago_is_not_told_again(
    asked: Exchange, everything: Everything
) -> None:
    """Not the less of it either: many may ask at once."""
    assert await new_of(asked, process("f", "g")) == ["f", "g"]
    assert await new_of(asked, process("f", "g")) == ["f", "g"]
    assert await new_of(asked, process("g")) == ["f", "g"]
    assert everything.calls == 1


async def test_a_persister_that_is_away_is_not_asked_by_each(
    asked: Exchange, everything: Everything
) -> None:
    """What could not be told is told with the next answer that is due, not at once."""
    everything.fails = True
    for _ in range(2):
        assert await asked.ask([process("f")]) == "does not answer: UNAVAILABLE"
    assert everything.calls == 1
