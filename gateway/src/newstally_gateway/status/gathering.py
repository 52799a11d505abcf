"""One answer of what was gathered, and what of it who may see. Pure."""

from collections.abc import Iterable, Iterator, Sequence

from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1.persister_pb2 import ExchangeStatusResponse
from newstally_protos.v1.status_pb2 import (
    ErrorGroup,
    GatewayStatus,
    GetStatusResponse,
    MissingPart,
    ProcessStatus,
)
from newstally_runtime.observing.process import fingerprints

from newstally_gateway.status.telling import ToldReplica

SILENT_SECONDS = 10.0
"""A replica that reports every three seconds, and has not for so long, is told of as missing."""

_MISSING_BYTES = 1_024
"""More than telling takes that something is missing."""

Seen = tuple[str, str, str]
"""(service, release, fingerprint) of an error; without a fingerprint the release itself."""


def seen(
    gateway: GatewayStatus, replicas: Iterable[ToldReplica], departed: Iterable[ErrorGroup]
) -> Sequence[Seen]:
    """Return all releases and errors that an answer of these tells of."""
    reporting = (told.status.process for told in replicas if told.status.process.service)
    found = dict.fromkeys(fingerprints([gateway.process, *reporting]))
    for group in departed:
        found[group.service, group.release, ""] = None
        found[group.service, group.release, group.fingerprint] = None
    return list(found)


def gather(
    gateway: GatewayStatus,
    replicas: Iterable[ToldReplica],
    departed: Iterable[ErrorGroup],
    exchanged: ExchangeStatusResponse | str,
) -> GetStatusResponse:
    """Return the whole answer. `exchanged`: what the persister said, or why it did not."""
    answer = GetStatusResponse(
        gateway=gateway,
        replicas=[told.status for told in replicas],
        departed_errors=departed,
    )
    if isinstance(exchanged, str):
        answer.missing.append(MissingPart(part="persister", reason=exchanged))
    else:
        answer.persister.CopyFrom(exchanged.persister)
        answer.new_errors.extend(exchanged.new_errors)
    for replica in answer.replicas:
        if (reason := _missing(replica.state, replica.report_age_seconds)) and (
            replica.state == "away" or replica.HasField("report")
        ):
            name = replica.address if replica.state == "away" else replica.process.instance_id
            answer.missing.append(MissingPart(part=f"replica {name}", reason=reason))
    _fit(answer, SEND_LIMIT_BYTES)
    return answer


def _fit(answer: GetStatusResponse, limit_bytes: int) -> None:
    """Leave out what makes it too large for a message: of many replicas, the same errors."""
    if answer.ByteSize() <= limit_bytes:
        return
    told: set[str] = set()
    for group in _groups(answer):
        if group.fingerprint in told:
            group.ClearField("frames")
        told.add(group.fingerprint)
    over = answer.ByteSize() - limit_bytes + _MISSING_BYTES
    silenced = 0
    for replica in sorted(answer.replicas, key=lambda each: each.ByteSize(), reverse=True):
        if over <= 0:
            break
        before, process = replica.ByteSize(), replica.process
        process.errors_forgotten += len(process.errors)
        process.ClearField("errors")
        over -= before - replica.ByteSize()
        silenced += 1
    if silenced:
        answer.missing.append(
            MissingPart(
                part=f"errors of {silenced:,} replicas",
                reason="they are too large for one answer; the logs of the replicas have them",
            )
        )


def _groups(answer: GetStatusResponse) -> Iterator[ErrorGroup]:
    for process in (
        answer.gateway.process,
        answer.persister.process,
        *(replica.process for replica in answer.replicas),
    ):
        yield from process.errors
    yield from answer.departed_errors


def withhold(answer: GetStatusResponse, owner: str, owners: Sequence[str | None]) -> None:
    """Leave out of an answer what is for admins only.

    `owner` asks; `owners` are those of the replicas' oldest works, in the replicas' order.
    """
    for replica, whose in zip(answer.replicas, owners, strict=True):
        replica.ClearField("address")
        _withhold_frames(replica.process)
        if whose != owner:
            replica.oldest.ClearField("upload_id")
            replica.oldest.ClearField("offset")
    for missing in answer.missing:
        if missing.part.startswith("replica ") and ":" in missing.part:
            missing.part = "replica"
    for group in answer.departed_errors:
        group.ClearField("frames")
    gateway, persister = answer.gateway, answer.persister
    _withhold_frames(gateway.process)
    gateway.ClearField("door")
    own = [hit for hit in gateway.limit_hits if hit.owner == owner]
    del gateway.limit_hits[:]
    gateway.limit_hits.extend(own)
    if answer.HasField("persister"):
        _withhold_frames(persister.process)
        persister.ClearField("sink_error")
        persister.ClearField("sink_remedy")


def _missing(state: str, report_age_seconds: float) -> str:
    if state == "away":
        return "does not answer"
    if report_age_seconds >= SILENT_SECONDS:
        return f"has not reported for {report_age_seconds:.0f} s"
    return ""


def _withhold_frames(process: ProcessStatus) -> None:
    for group in process.errors:
        group.ClearField("frames")
