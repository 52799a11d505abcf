"""docs/metrics.md says what the processes expose, no more and no less."""

import asyncio
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import grpc
import pytest
from newstally import Access, Article, NewstallyClient
from newstally.keys import make_key
from newstally_gateway.metrics import Metrics
from newstally_protos.keys import Limits
from newstally_runtime.peers import gate
from prometheus_client import CollectorRegistry
from support.certificates import make
from support.engines import REFUSE
from support.metrics_page import Metric, differences, documented, exposed
from support.trio import Trio

UNSEEN = {
    "newstally_crowded_calls_total": gate.CROWDED,
    "newstally_late_calls_total": gate.LATE,
    "newstally_gateway_record_retries_total": Metrics(CollectorRegistry()).record_retries,
}
"""What has labels, and is not provoked here."""
UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_articles": "articles", "_rows": "rows"}
"""How a name ends, and what it then counts."""


async def provoke(trio: Trio, ca: Path, key: str) -> None:
    """Have everything happen that can be made to happen quickly."""
    access = Access(ca=ca, key=key)
    texts = ["Angela Merkel met NATO.", f"{REFUSE} x", "", *(f"Berlin {n}" for n in range(20))]
    async with NewstallyClient(trio.gateway.address, access=access) as client:
        await client.upload([Article(publication="P", content=text) for text in texts])
    credentials = grpc.ssl_channel_credentials(await asyncio.to_thread(ca.read_bytes))
    options = [("grpc.ssl_target_name_override", "localhost")]
    method = "/newstally.v1.UploadService/GetUpload"
    async with grpc.aio.secure_channel(trio.gateway.address, credentials, options) as channel:
        call = channel.unary_unary(method, request_serializer=bytes, response_deserializer=bytes)
        for metadata in ([], [("authorization", f"Bearer {key}")]):
            with pytest.raises(grpc.aio.AioRpcError):
                await call(b"\xff\xff", metadata=metadata, timeout=10)


@pytest.fixture(scope="module")
def expositions(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """Return what each service exposes after everything happened."""
    directory = tmp_path_factory.mktemp("metrics")
    certificates = make(directory / "certificates")
    keys = directory / "keys.json"
    key = make_key(keys, "hasty", limits=Limits(articles_per_second=10))
    flags = ["--keys", str(keys)]
    with Trio(directory, extractors=1, gateway_flags=flags, certificates=certificates) as trio:
        asyncio.run(provoke(trio, certificates.authority, key))
        return {
            process.module.removeprefix("newstally_"): process.admin("/metrics")
            for process in trio.processes
        }


@pytest.mark.parametrize("service", documented())
def test_the_page_is_what_a_process_exposes(service: str, expositions: Mapping[str, str]) -> None:
    """Names, types and labels, both ways."""
    assert differences(documented()[service], exposed(expositions[service])) == []


def test_the_labels_of_all_are_known(expositions: Mapping[str, str]) -> None:
    """Of what has no sample here, the collectors tell."""
    for service, page in documented().items():
        shown = exposed(expositions[service])
        unknown = {name for name, metric in page.items() if metric.labels} & {
            name for name, metric in shown.items() if metric.labels is None
        }
        # Only callers of gateways were provoked to err.
        assert unknown <= UNSEEN.keys() | {"newstally_undecodable_requests_total"}
    for name, collector in UNSEEN.items():
        assert frozenset(collector._labelnames) == (documented()["gateway"][name].labels or ())


def test_nothing_else_is_exposed(expositions: Mapping[str, str]) -> None:
    """But what the client library has for every process, and no moment of creation."""
    for text in expositions.values():
        names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
        assert all(name.startswith(("newstally_", "process_", "python_")) for name in names)
        assert not any(name.endswith("_created") for name in names)


@pytest.mark.parametrize("service", documented())
def test_names_keep_to_the_conventions(service: str, expositions: Mapping[str, str]) -> None:
    """Of Prometheus: counters end in _total and nothing else does, and names hold base units."""
    for metric in documented()[service].values():
        name = metric.name.removesuffix("_total")
        assert (name != metric.name) is (metric.type == "counter"), metric
        assert metric.name.endswith("_info") is (metric.type == "info"), metric
        assert bool(metric.unit) is (metric.type != "info"), metric
        assert not name.endswith(("_count", "_sum", "_bucket", "_milliseconds", "_ms")), metric
        for ending, unit in UNITS.items():
            if name.endswith(ending):
                assert metric.unit.startswith(unit), metric
        for ending in ("_seconds", "_bytes"):
            if metric.unit == UNITS[ending]:
                assert name.endswith(ending), metric
    assert all(metric.meaning for metric in exposed(expositions[service]).values())


def test_promtool_agrees(expositions: Mapping[str, str]) -> None:
    """Its linter has no complaint."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: Debian's package prometheus has it")
    for text in expositions.values():
        done = subprocess.run(
            [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_difference_is_noticed() -> None:
    """What is missing on either side, another type, and another label."""
    page = documented()["gateway"]
    one, other, third, *_ = page
    right = {name: Metric(name, each.type, each.labels) for name, each in page.items()}
    assert differences(page, right) == []
    damaged = {**right, "newstally_more": Metric("newstally_more", "gauge", frozenset())}
    del damaged[one]
    damaged[other] = Metric(other, "histogram", right[other].labels)
    damaged[third] = Metric(third, right[third].type, frozenset({"owner"}))
    found = differences(page, damaged)
    assert len(found) == 4, found
