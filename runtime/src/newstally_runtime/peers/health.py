"""grpc.health.v1, such that a peer that does not read keeps nobody waiting.

The servicer of grpcio-health-checking writes while it holds the lock that setting a status needs.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

WATCH_SECONDS = 0.25
"""How soon a change is told."""

Context = grpc.aio.ServicerContext[Any, Any]


class Health(health_pb2_grpc.HealthServicer):
    """One status for a set of services; the empty name means the server."""

    NAME: str = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name

    def __init__(self) -> None:
        self._names: frozenset[str] = frozenset()
        self._serving = False

    def show(self, names: Iterable[str], *, serving: bool) -> None:
        """Answer so for these services from now on."""
        self._names = frozenset(names)
        self._serving = serving

    async def Check(  # noqa: N802 - the protocol's name
        self, request: health_pb2.HealthCheckRequest, context: Context
    ) -> health_pb2.HealthCheckResponse:
        """Return a service's status. Errors: NOT_FOUND."""
        if not self._knows(request.service):
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return health_pb2.HealthCheckResponse(status=self._status(request.service))

    async def Watch(  # noqa: N802
        self, request: health_pb2.HealthCheckRequest, _context: Context
    ) -> AsyncIterator[health_pb2.HealthCheckResponse]:
        """Tell a service's status now and whenever it changes."""
        told = None
        while True:
            status = self._status(request.service)
            if status != told:
                told = status
                yield health_pb2.HealthCheckResponse(status=status)
            await asyncio.sleep(WATCH_SECONDS)

    def _knows(self, service: str) -> bool:
        return not service or service in self._names

    def _status(self, service: str) -> int:
        state = health_pb2.HealthCheckResponse
        if not self._knows(service):
            return int(state.SERVICE_UNKNOWN)
        return int(state.SERVING if self._serving else state.NOT_SERVING)
