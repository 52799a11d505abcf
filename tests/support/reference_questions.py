"""Answers to the questions of TallyService, for references that know none."""

from typing import Any

import grpc
from newstally_protos.v1 import tally_pb2_grpc


class NoQuestions(tally_pb2_grpc.TallyServiceServicer):
    """Answers as a release without these methods."""

    async def RankEntities(self, request: Any, context: Any) -> Any:
        await _unknown(context)

    async def ListRisingEntities(self, request: Any, context: Any) -> Any:
        await _unknown(context)

    async def GetEntityHistory(self, request: Any, context: Any) -> Any:
        await _unknown(context)

    async def ListEntityPublications(self, request: Any, context: Any) -> Any:
        await _unknown(context)

    async def FindEntities(self, request: Any, context: Any) -> Any:
        await _unknown(context)


async def _unknown(context: Any) -> None:
    await context.abort(grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
