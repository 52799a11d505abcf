"""The questions of TallyService."""

from typing import Any, NoReturn

import grpc
from newstally_protos.v1 import tally_pb2, tally_pb2_grpc
from newstally_runtime.status import StatusError

from newstally_persister.services.answering import answered


class QuestionService(tally_pb2_grpc.TallyServiceServicer):
    """Answers no question yet: no sink keeps days."""

    @answered
    async def RankEntities(  # noqa: N802
        self, _request: tally_pb2.RankEntitiesRequest, _context: Any
    ) -> tally_pb2.RankEntitiesResponse:
        """List the entities that were mentioned most within some days."""
        _no_days()

    @answered
    async def ListRisingEntities(  # noqa: N802
        self, _request: tally_pb2.ListRisingEntitiesRequest, _context: Any
    ) -> tally_pb2.ListRisingEntitiesResponse:
        """List the entities that are mentioned more than before."""
        _no_days()

    @answered
    async def GetEntityHistory(  # noqa: N802
        self, _request: tally_pb2.GetEntityHistoryRequest, _context: Any
    ) -> tally_pb2.GetEntityHistoryResponse:
        """Return how often an entity was mentioned, by day."""
        _no_days()

    @answered
    async def ListEntityPublications(  # noqa: N802
        self, _request: tally_pb2.ListEntityPublicationsRequest, _context: Any
    ) -> tally_pb2.ListEntityPublicationsResponse:
        """List the publications that mention an entity."""
        _no_days()

    @answered
    async def FindEntities(  # noqa: N802
        self, _request: tally_pb2.FindEntitiesRequest, _context: Any
    ) -> tally_pb2.FindEntitiesResponse:
        """List entities by how their text begins."""
        _no_days()


def _no_days() -> NoReturn:
    raise StatusError(grpc.StatusCode.UNIMPLEMENTED, "the store keeps no days yet")
