"""Every probe's port and path is answered by the real process with the manifests' variables."""

import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import psutil
import pytest
from manifests.objects import Manifests, Pod, load
from manifests.wiring import probes
from support.processes import Process, eventually
from support.trio import RULES

STAND_INS = {
    "gateway": ["--extractors", "{extractor}", "--persister", "{persister}"],
    # The pipeline itself is a matter of the images' tests.
    "extractor": ["--engine", RULES],
    "persister": ["--data-dir", "{directory}"],
}
"""Flags for what on this machine cannot be as in a cluster: names, and the disk."""


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    """The manifests."""
    return load()


@pytest.fixture(scope="module")
def services(
    manifests: Manifests, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Process]]:
    """The three services with their ConfigMaps' variables, on ports that are free here."""
    directory = tmp_path_factory.mktemp("probes")
    known = {"directory": str(directory / "data")}
    running: dict[str, Process] = {}
    with ExitStack() as stack:
        for name in ("persister", "extractor", "gateway"):
            environment = manifests.environment(manifests.pod(name))
            flags = [flag.format(**known) for flag in STAND_INS[name]]
            process = Process(f"newstally_{name}", flags, directory / f"{name}.log", environment)
            running[name] = stack.enter_context(process)
            known[name] = process.address
        yield running


@pytest.mark.parametrize("name", ["gateway", "extractor", "persister"])
def test_every_probe_is_answered(
    name: str, manifests: Manifests, services: dict[str, Process]
) -> None:
    """Startup, readiness and liveness succeed, once the services have found each other."""
    pod = manifests.pod(name)
    asked = probes(pod)
    assert asked.keys() == {"startupProbe", "readinessProbe", "livenessProbe"}
    for probe in asked.values():
        port = real_port(pod, services[name], probe["httpGet"]["port"])
        path = probe["httpGet"]["path"]
        eventually(partial(answered, port, path), what=f"{name} {path}")


@pytest.mark.parametrize("name", ["gateway", "extractor", "persister"])
def test_nobody_is_asked_before_it_listens(name: str, manifests: Manifests, tmp_path: Path) -> None:
    """A healthy start makes no event of a refused connection.

    What counts is the processor's time, and the least of three starts: what else runs on a machine
    only adds to it. Twice that is the least delay, for nodes that are slower.
    """
    pod = manifests.pod(name)
    delay = pod.container["startupProbe"]["initialDelaySeconds"]
    needed = [2 * start(name, manifests.environment(pod), tmp_path / "0")]
    while needed[-1] > delay and len(needed) < 3:
        needed.append(2 * start(name, manifests.environment(pod), tmp_path / f"{len(needed)}"))
    assert 0.1 < min(needed) <= delay, needed


def start(name: str, environment: dict[str, str], directory: Path) -> float:
    """Start a service in a fresh directory; return the seconds of a processor until it listens."""
    directory.mkdir()
    flags = ["--data-dir", str(directory / "data")] if name == "persister" else []
    if name == "gateway":
        flags = ["--extractors", "127.0.0.1:1", "--persister", "127.0.0.1:1"]
    with Process(f"newstally_{name}", flags, directory / "log", environment) as process:
        used = psutil.Process(process.pid).cpu_times()
        return float(used.user + used.system)


@pytest.mark.parametrize("name", ["gateway", "extractor", "persister"])
def test_no_other_path_is_answered(
    name: str, manifests: Manifests, services: dict[str, Process]
) -> None:
    """A probe with a mistyped path would fail."""
    port = real_port(manifests.pod(name), services[name], "admin")
    assert status(port, "/health") == 404


def test_a_persister_without_credentials_is_ready(
    manifests: Manifests, services: dict[str, Process]
) -> None:
    """With the default sink and no Google anywhere it takes articles, and its probe says so."""
    environment = manifests.environment(manifests.pod("persister"))
    assert environment["NEWSTALLY_PERSISTER_SINK"] == "firestore"
    port = real_port(manifests.pod("persister"), services["persister"], "admin")
    assert status(port, "/readyz") == 200


def real_port(pod: Pod, process: Process, name: str) -> int:
    """Return where this process listens for what the manifests say."""
    own = {pod.port("grpc"): process.port, pod.port("admin"): process.admin_port}
    return own[pod.port(name)]


def answered(port: int, path: str) -> bool:
    """Return whether a probe would succeed."""
    return status(port, path) == 200


def status(port: int, path: str) -> int:
    """Return the status with which a GET is answered; 0 if nobody does."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0
