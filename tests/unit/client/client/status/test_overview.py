"""One overview of what several gateways answered."""

import json
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp
from newstally.client.status.overview import overview
from newstally_protos.v1.status_pb2 import (
    ErrorGroup,
    GatewayStatus,
    GetStatusResponse,
    MissingPart,
    OldestWork,
    PersisterStatus,
    ProcessStatus,
    ReplicaReport,
    ReplicaStatus,
    StageTimes,
)


def error(fingerprint: str, count: int, first: int, release: str = "0.3.0") -> ErrorGroup:
    return ErrorGroup(
        fingerprint=fingerprint,
        service="extractor",
        kind="ValueError",
        count=count,
        first_time=Timestamp(seconds=first),
        last_time=Timestamp(seconds=first + count),
        release=release,
    )


def replica(instance: str, rate: float, age: float = 1.0, **fields: Any) -> ReplicaStatus:
    release = fields.pop("release", "0.3.0")
    errors = fields.pop("errors", [])
    process = ProcessStatus(
        service="extractor", instance_id=instance, release=release, errors=errors
    )
    return ReplicaStatus(
        address=fields.pop("address", f"{instance}:1"),
        state="up",
        process=process,
        model=fields.pop("model", "en 1"),
        articles_per_second=rate,
        outstanding_articles=2,
        report=ReplicaReport(engine="fast", busy=0.5),
        report_age_seconds=age,
        **fields,
    )


def gateway(name: str, *replicas: ReplicaStatus, **fields: Any) -> GetStatusResponse:
    stages = [StageTimes(stage="waiting", bounds=[0.1, 1.0], counts=[1, 1, 0])]
    process = ProcessStatus(service="gateway", instance_id=name, release="0.3.0", stages=stages)
    status = GatewayStatus(process=process, settled_per_second=5.0)
    return GetStatusResponse(gateway=status, replicas=replicas, **fields)


PERSISTER = PersisterStatus(
    process=ProcessStatus(service="persister", instance_id="p", release="0.3.0"), models=["en 1"]
)


def test_a_replica_is_one_however_many_gateways_have_it() -> None:
    """What they send it adds up; its share is of all."""
    one = gateway(
        "g1",
        replica("a", 30.0, oldest=OldestWork(seconds=9.0, running=False)),
        replica("b", 10.0),
    )
    two = gateway("g2", replica("a", 30.0, oldest=OldestWork(seconds=2.0, running=True)))
    found = overview({"x:1": one, "y:1": two})
    a, b = found["replicas"]
    assert (a["articles_per_second"], a["outstanding_articles"]) == (60.0, 4)
    assert (round(a["share"], 3), round(b["share"], 3)) == (0.857, 0.143)
    assert (a["oldest"]["running"], a["oldest"]["seconds"]) == (True, 2.0)
    assert [each["address"] for each in found["gateways"]] == ["x:1", "y:1"]
    assert found["stages"][0]["count"] == 4
    assert found["differing"] == []
    json.dumps(found)


def test_a_gateway_with_two_addresses_is_one() -> None:
    """It is asked by IPv4 and by IPv6, and nothing counts twice."""
    answer = gateway("g1", replica("a", 30.0))
    found = overview({"127.0.0.1:1": answer, "[::1]:1": answer})
    assert [each["address"] for each in found["gateways"]] == ["127.0.0.1:1"]
    assert found["replicas"][0]["articles_per_second"] == 30.0
    assert found["stages"][0]["count"] == 2


def test_a_replica_that_one_gateway_cannot_reach_is_not_two() -> None:
    """It is up for the other; one that nobody reaches is away."""
    away = ReplicaStatus(address="a:1", state="away")
    lost = ReplicaStatus(address="c:1", state="away")
    found = overview({"x:1": gateway("g1", replica("a", 1.0)), "y:1": gateway("g2", away, lost)})
    assert [(each["address"], each["state"]) for each in found["replicas"]] == [
        ("a:1", "up"),
        ("c:1", "away"),
    ]


def test_an_error_is_counted_once() -> None:
    """Though two gateways tell of the process, and a third of its end; others add to it."""
    known = error("f", 3, first=100)
    later = error("f", 5, first=100)
    other = error("f", 2, first=200, release="0.2.0")
    found = overview(
        {
            "x:1": gateway("g1", replica("a", 1.0, errors=[later]), new_errors=["f"]),
            "y:1": gateway(
                "g2", replica("a", 1.0, errors=[known]), replica("b", 1.0, errors=[other])
            ),
            "z:1": gateway("g3", departed_errors=[known]),
        }
    )
    (group,) = found["errors"]
    assert (group["count"], group["processes"], group["new"]) == (7, 2, True)
    assert group["first_time"] == "1970-01-01T00:01:40Z"
    assert group["last_time"] == "1970-01-01T00:03:22Z"
    assert group["releases"] == ["0.2.0", "0.3.0"]
    assert {each["last_error"] for each in found["replicas"]} == {"ValueError"}


def test_what_there_are_several_of_is_said() -> None:
    """Releases, models, and ways that the tallies were counted in."""
    stored = PersisterStatus(
        process=ProcessStatus(service="persister", instance_id="p", release="0.3.0"),
        models=["en 1", "en 2"],
    )
    answer = gateway(
        "g1",
        replica("a", 1.0),
        replica("b", 1.0, release="0.2.0"),
        replica("c", 1.0, model="en 2"),
        persister=stored,
    )
    found = overview({"x:1": answer})
    assert found["differing"] == [
        "2 releases run: 0.2.0, 0.3.0",
        "replicas count in 2 ways: en 1; en 2",
        "the tallies are counted in 2 ways: en 1; en 2",
    ]
    assert {(each["service"], each["release"]) for each in found["releases"]} == {
        ("gateway", "0.3.0"),
        ("extractor", "0.3.0"),
        ("extractor", "0.2.0"),
        ("persister", "0.3.0"),
    }


def test_what_is_missing_is_said_once() -> None:
    """A gateway that does not answer; the persister only where no gateway has its answer."""
    lost = [MissingPart(part="persister", reason="away"), MissingPart(part="replica", reason="no")]
    silent = gateway("g1", missing=lost)
    found = overview({"x:1": silent, "y:1": silent, "z:1": "UNAVAILABLE: refused"})
    assert found["persister"] is None
    assert [(each["part"], each["reason"]) for each in found["missing"]] == [
        ("gateway z:1", "UNAVAILABLE: refused"),
        ("persister", "away"),
        ("replica", "no"),
    ]
    found = overview({"x:1": silent, "y:1": gateway("g2", persister=PERSISTER)})
    assert [each["part"] for each in found["missing"]] == ["replica"]
    assert found["persister"]["release"] == "0.3.0"
