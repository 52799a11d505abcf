"""One answer of what was gathered, and what of it who may see."""

import pytest
from newstally_gateway.core.keys.callers import METHODS, scopes_for
from newstally_gateway.replicas.departed import ERRORS, ERRORS_BYTES, Departed
from newstally_gateway.status.gathering import SILENT_SECONDS, gather, seen, withhold
from newstally_gateway.status.telling import ToldReplica
from newstally_protos.limits import SEND_LIMIT_BYTES
from newstally_protos.v1.persister_pb2 import ExchangeStatusResponse
from newstally_protos.v1.status_pb2 import (
    ErrorFrame,
    ErrorGroup,
    GatewayStatus,
    GetStatusResponse,
    LimitHits,
    OldestWork,
    PersisterStatus,
    ProcessStatus,
    ReplicaReport,
    ReplicaStatus,
)


def group(fingerprint: str = "f", event: str = "failed") -> ErrorGroup:
    frame = ErrorFrame(file="newstally_gateway/app.py", line=1, function="run", raised="KeyError")
    return ErrorGroup(
        fingerprint=fingerprint, event=event, kind="KeyError", count=1, frames=[frame]
    )


def process(instance: str, *errors: ErrorGroup) -> ProcessStatus:
    return ProcessStatus(service="extractor", instance_id=instance, errors=errors)


def replica(instance: str, age: float = 1.0, owner: str = "other") -> ToldReplica:
    status = ReplicaStatus(
        address="10.0.0.7:50052",
        state="up",
        process=process(instance, group()),
        report=ReplicaReport(engine="fast"),
        report_age_seconds=age,
        oldest=OldestWork(upload_id="theirs", offset=7, size_bytes=9, seconds=1.5, running=True),
    )
    return ToldReplica(status, owner)


AWAY = ToldReplica(ReplicaStatus(address="10.0.0.8:50052", state="away"), None)


def answer(*replicas: ToldReplica) -> GetStatusResponse:
    hits = [LimitHits(owner=owner, limit="streams", times=3) for owner in ("own", "other")]
    return gather(
        GatewayStatus(process=process("g", group()), door="3 keys", limit_hits=hits),
        replicas,
        [group("gone")],
        ExchangeStatusResponse(
            persister=PersisterStatus(
                process=process("p", group()),
                sink_state="unreachable",
                sink_error="project secret-7",
                sink_remedy="mend it",
            ),
            new_errors=["f"],
        ),
    )


def test_what_is_missing_is_named() -> None:
    """A persister that does not answer, a replica that is away, and one that is silent."""
    found = gather(
        GatewayStatus(),
        [replica("silent", SILENT_SECONDS), replica("well"), AWAY],
        [],
        "has not answered for 2 s",
    )
    assert not found.HasField("persister")
    assert [(each.part, each.reason) for each in found.missing] == [
        ("persister", "has not answered for 2 s"),
        ("replica silent", "has not reported for 10 s"),
        ("replica 10.0.0.8:50052", "does not answer"),
    ]


def test_a_replica_of_the_release_before_is_not_missing() -> None:
    """It never reports."""
    old = ReplicaStatus(state="up", process=process("old"), report_age_seconds=900.0)
    assert not gather(GatewayStatus(), [ToldReplica(old, None)], [], "away").missing[1:]


def test_who_may_only_read_sees_figures() -> None:
    """No addresses, no tracebacks, no name of another owner or upload, nothing of the sink's."""
    found = answer(replica("a"), replica("b", owner="own"), AWAY)
    withhold(found, "own", ["other", "own", None])
    text = str(found)
    for hidden in ("10.0.0", "app.py", "other", "secret-7", "mend it", "3 keys"):
        assert hidden not in text
    theirs, own, _ = found.replicas
    assert (theirs.oldest.upload_id, theirs.oldest.offset, theirs.oldest.seconds) == ("", 0, 1.5)
    assert (own.oldest.upload_id, own.oldest.offset) == ("theirs", 7)
    assert [(hit.owner, hit.times) for hit in found.gateway.limit_hits] == [("own", 3)]
    assert found.persister.sink_state == "unreachable"
    assert found.gateway.process.errors[0].count == 1
    assert found.new_errors == ["f"]


def test_without_a_persister_nothing_is_made_up() -> None:
    """Leaving out does not put in."""
    found = gather(GatewayStatus(), [], [], "away")
    withhold(found, "own", [])
    assert not found.HasField("persister")


def test_status_needs_a_scope() -> None:
    """`read` or `admin`; whoever may only write sees nothing."""
    assert scopes_for("/newstally.v1.StatusService/GetStatus") == {"read", "admin"}
    assert "newstally.v1.PersisterService" not in METHODS


def test_errors_of_replicas_that_are_gone_are_kept() -> None:
    """Until the same process is here again; what comes after it pushes the oldest out."""
    departed = Departed()
    departed.left(None)
    departed.left(ReplicaReport(process=process("quiet")))
    departed.left(ReplicaReport(process=process("a", group("1"))))
    departed.left(ReplicaReport(process=process("b", group("2"))))
    departed.left(ReplicaReport(process=process("a", group("1"), group("3"))))
    assert [each.fingerprint for each in departed.errors(set())] == ["2", "1", "3"]
    assert [each.fingerprint for each in departed.errors({"a"})] == ["2"]


@pytest.mark.parametrize("size", [1, 30_000])
def test_what_is_kept_of_replicas_that_are_gone_is_bounded(size: int) -> None:
    """However many come and go, and however much they say."""
    departed = Departed()
    for number in range(300):
        text = group(str(number), event="x" * size)
        departed.left(ReplicaReport(process=process(f"i{number}", text)))
    kept = departed.errors(set())
    assert 0 < len(kept) <= ERRORS
    assert sum(each.ByteSize() for each in kept) <= ERRORS_BYTES
    assert kept[-1].fingerprint == "299"


def test_all_that_is_told_of_is_seen() -> None:
    """Each release, and each error: of the gateway, of replicas, and of those that are gone."""
    gateway = GatewayStatus(process=ProcessStatus(service="gateway", release="2"))
    here = ReplicaStatus(
        process=ProcessStatus(
            service="extractor", release="2", revision="r", errors=[group("a"), group("b")]
        )
    )
    gone = [
        ErrorGroup(service="extractor", release="1", fingerprint=each) for each in ("a", "gone")
    ]
    assert set(seen(gateway, [ToldReplica(here, None), AWAY], gone)) == {
        ("gateway", "2", ""),
        ("extractor", "2+r", ""),
        ("extractor", "2+r", "a"),
        ("extractor", "2+r", "b"),
        ("extractor", "1", ""),
        ("extractor", "1", "a"),
        ("extractor", "1", "gone"),
    }


def told(number: int, errors: int, frames: int, own: str = "") -> ToldReplica:
    """Return a replica with errors that many replicas have, unless they are its own."""
    groups = [group(f"{own}{each:08}") for each in range(errors)]
    for each in groups:
        each.frames.extend(each.frames[:1] * frames)
    status = ReplicaStatus(address=f"10.0.0.{number}:50052", process=process(f"{number}", *groups))
    return ToldReplica(status, None)


def test_the_same_errors_of_many_replicas_have_their_frames_once() -> None:
    """Where all of them would be too large for a message; elsewhere nothing is left out."""
    few = answer(*(told(number, 20, 20) for number in range(10)))
    assert all(len(each.frames) == 21 for each in few.replicas[9].process.errors)
    many = answer(*(told(number, 20, 20) for number in range(300)))
    assert many.ByteSize() <= SEND_LIMIT_BYTES
    assert all(each.frames for each in many.replicas[0].process.errors)
    assert all(len(each.process.errors) == 20 for each in many.replicas)
    assert [each.part for each in many.missing] == []


def test_errors_of_very_many_replicas_are_told_to_be_missing() -> None:
    """A status without some errors is better than none."""
    found = answer(*(told(number, 64, 3, f"{number:08}") for number in range(1_000)))
    assert found.ByteSize() <= SEND_LIMIT_BYTES
    silenced = [each for each in found.replicas if not each.process.errors]
    assert 0 < len(silenced) < 1_000
    assert all(each.process.errors_forgotten == 64 for each in silenced)
    assert [each.part for each in found.missing] == [f"errors of {len(silenced)} replicas"]
