"""StatusService: gathers and answers."""

from typing import Any

import grpc
from newstally_protos.v1 import status_pb2
from newstally_protos.v1.status_pb2_grpc import StatusServiceServicer

from newstally_gateway.calling import caller
from newstally_gateway.status.exchange import Exchange
from newstally_gateway.status.gathering import gather, seen, withhold
from newstally_gateway.status.telling import Telling

NAME = status_pb2.DESCRIPTOR.services_by_name["StatusService"].full_name
"""The service's full name."""

Context = grpc.aio.ServicerContext[Any, Any]


class StatusService(StatusServiceServicer):
    """Says what this gateway knows of the system."""

    def __init__(self, telling: Telling, exchange: Exchange) -> None:
        self._telling = telling
        self._exchange = exchange

    async def GetStatus(  # noqa: N802 - the protocol's name
        self, _request: status_pb2.GetStatusRequest, _context: Context
    ) -> status_pb2.GetStatusResponse:
        """Answer within the time that the persister is given."""
        # All is gathered before the persister is asked: of an error that came in the meantime, the
        # answer would not say that it is new.
        gateway, replicas = self._telling.gateway(), self._telling.replicas()
        departed = self._telling.departed()
        exchanged = await self._exchange.ask(seen(gateway, replicas, departed))
        answer = gather(gateway, replicas, departed, exchanged)
        who = caller()
        if who.key is not None and "admin" not in who.key.scopes:
            withhold(answer, who.owner, [told.owner for told in replicas])
        return answer
