"""What the persister is told, when: over a real connection, to one that calls each error new."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.client import Persister
from newstally_gateway.status import exchange
from newstally_gateway.status.exchange import Exchange
from newstally_gateway.status.gathering import Seen
from newstally_protos.v1 import persister_pb2, persister_pb2_grpc
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
    """One that waits, and whose answers stay fresh, for as long as a test takes."""
    monkeypatch.setattr(exchange, "FRESH_SECONDS", 3_600.0)
    monkeypatch.setattr(exchange, "ASK_SECONDS", 60.0)
    server = grpc.aio.server()
    persister_pb2_grpc.add_PersisterServiceServicer_to_server(everything, server)
    address = f"127.0.0.1:{ports.free()}"
    assert server.add_insecure_port(address)
    await server.start()
    async with grpc.aio.insecure_channel(address) as channel:
        yield Exchange(Persister(channel, Metrics(CollectorRegistry())), list)
    await server.stop(None)


def errors(*fingerprints: str) -> list[Seen]:
    return [("extractor", "1", each) for each in ("", *fingerprints)]


async def new_of(asked: Exchange, seen: list[Seen]) -> list[str]:
    answer = await asked.ask(seen)
    assert not isinstance(answer, str), answer
    return list(answer.new_errors)


async def test_an_error_is_told_however_fresh_the_answer_before_it(asked: Exchange) -> None:
    """Or else whoever asks twice at once would see it, and not that it is new."""
    assert await new_of(asked, errors()) == []
    assert await new_of(asked, errors("f")) == ["f"]


async def test_a_release_is_told_however_fresh_the_answer_before_it(
    asked: Exchange, everything: Everything
) -> None:
    """Which releases came first decides which errors are new."""
    await asked.ask(errors())
    await asked.ask([*errors(), ("extractor", "2", "")])
    assert everything.calls == 2


async def test_what_was_told_a_moment_ago_is_not_told_again(
    asked: Exchange, everything: Everything
) -> None:
    """Nor is a part of it: many may ask at once."""
    assert await new_of(asked, errors("f", "g")) == ["f", "g"]
    assert await new_of(asked, errors("f", "g")) == ["f", "g"]
    assert await new_of(asked, errors("g")) == ["f", "g"]
    assert everything.calls == 1


async def test_a_persister_that_is_away_is_not_asked_by_each(
    asked: Exchange, everything: Everything
) -> None:
    """Nor is it told more at once: whoever asks would wait behind all who asked before."""
    everything.fails = True
    for seen in (errors("f"), errors("f"), errors("f", "g")):
        assert await asked.ask(seen) == "does not answer: UNAVAILABLE"
    assert everything.calls == 1
