"""The persister as the gateway sees it: one channel, its stubs, and whether it serves."""

import asyncio

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc
from newstally_protos.v1 import (
    journal_pb2,
    journal_pb2_grpc,
    persister_pb2_grpc,
    tally_pb2_grpc,
    upload_pb2_grpc,
)
from newstally_protos.wire import LIMITS_KEY, OWNER_KEY, told_break

from newstally_gateway.core.keys.callers import Caller
from newstally_gateway.metrics import Metrics

JOURNAL = journal_pb2.DESCRIPTOR.services_by_name["JournalService"].full_name
"""The service whose health counts: with it batches can be recorded. Tallies may be unreadable, or
the sink be broken, and streams are taken all the same."""
POLL_SECONDS = 2.0
"""How often the persister's health is asked for, and how long the answer may take."""
NO_SUCH_UPLOAD = "no such upload: create it first"
"""What is said of uploads that are not there, and of other owners'."""

log = structlog.get_logger()


def caller_metadata(caller: Caller) -> tuple[tuple[str, str], ...]:
    """Return the metadata that goes with every call made for a caller."""
    owner = (OWNER_KEY, caller.owner)
    if caller.key is None:
        return (owner,)
    limits = caller.key.limits
    bounds = ",".join(
        f"{name}={bound}"
        for name in ("open_uploads", "uploads_per_day", "publications_per_day")
        if (bound := getattr(limits, name)) is not None
    )
    return (owner, (LIMITS_KEY, bounds)) if bounds else (owner,)


class Persister:
    """The stubs of the persister's services over one channel that it does not own."""

    def __init__(self, channel: grpc.aio.Channel, metrics: Metrics) -> None:
        self.uploads = upload_pb2_grpc.UploadServiceStub(channel)
        self.tallies = tally_pb2_grpc.TallyServiceStub(channel)
        self.journal = journal_pb2_grpc.JournalServiceStub(channel)
        self.own = persister_pb2_grpc.PersisterServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)
        self._metrics = metrics
        self.serving = False
        """Whether it said at the last poll that it records batches."""
        self.state = "not asked yet"
        """The same for people."""

    async def watch(self) -> None:
        """Keep `serving` up to date until cancelled; log when it changes."""
        while True:
            serving, state = await self._ask()
            if serving != self.serving or self.state == "not asked yet":
                note = log.info if serving else log.warning
                note("persister serves" if serving else "persister away", state=state)
            self.serving, self.state = serving, state
            self._metrics.persister_up.set(serving)
            await asyncio.sleep(POLL_SECONDS)

    async def _ask(self) -> tuple[bool, str]:
        try:
            answer = await self._health.Check(  # type: ignore[attr-defined] # not in its type stub
                health_pb2.HealthCheckRequest(service=JOURNAL),
                timeout=POLL_SECONDS,
                wait_for_ready=True,
            )
        except grpc.aio.AioRpcError as error:
            # What the persister says itself is more than gRPC's words of a connection.
            own = error.code() is grpc.StatusCode.UNAVAILABLE and told_break(error) is None
            return False, f"{error.code().name}: {error.details()}" if own else error.code().name
        state = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        return answer.status == health_pb2.HealthCheckResponse.SERVING, state
