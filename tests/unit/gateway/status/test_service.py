"""What an answer shows, the persister was told of before."""

from collections.abc import Sequence
from typing import Any, cast

from newstally_gateway.calling import ANYBODY, note_caller
from newstally_gateway.status.exchange import Exchange
from newstally_gateway.status.gathering import Seen
from newstally_gateway.status.service import StatusService
from newstally_gateway.status.telling import Telling, ToldReplica
from newstally_protos.v1.persister_pb2 import ExchangeStatusResponse
from newstally_protos.v1.status_pb2 import (
    ErrorGroup,
    GatewayStatus,
    GetStatusRequest,
    ProcessStatus,
    ReplicaStatus,
)


class Worse:
    """Knows of an error, and of one more each time it grows."""

    def __init__(self) -> None:
        self.errors: list[ErrorGroup] = []
        self.grow()

    def grow(self) -> None:
        self.errors.append(ErrorGroup(service="x", release="1", fingerprint=str(len(self.errors))))

    def process(self) -> ProcessStatus:
        return ProcessStatus(service="x", release="1", errors=self.errors)

    def gateway(self) -> GatewayStatus:
        return GatewayStatus(process=self.process())

    def replicas(self) -> Sequence[ToldReplica]:
        return [ToldReplica(ReplicaStatus(state="up", process=self.process()), None)]

    def departed(self) -> Sequence[ErrorGroup]:
        return list(self.errors)


async def test_an_error_that_comes_while_the_persister_is_asked_waits() -> None:
    """It would be shown as if it were not new."""
    worse = Worse()
    told: list[Seen] = []

    class Slow:
        async def ask(self, seen: Sequence[Seen]) -> ExchangeStatusResponse:
            worse.grow()
            told.extend(seen)
            return ExchangeStatusResponse(new_errors=[fingerprint for *_, fingerprint in seen])

    note_caller(ANYBODY)
    service = StatusService(cast("Telling", worse), cast("Exchange", Slow()))
    answer = await service.GetStatus(GetStatusRequest(), cast("Any", None))
    shown = [*answer.gateway.process.errors, *answer.departed_errors]
    shown += [error for replica in answer.replicas for error in replica.process.errors]
    assert {error.fingerprint for error in shown} == {"0"}
    assert ("x", "1", "0") in told
