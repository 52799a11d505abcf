"""Probes answer while a process has no file descriptors left."""

import json
import resource
import socket
import time
from pathlib import Path

import psutil
import pytest
from newstally_protos.wire import SERVER_OPTIONS
from newstally_runtime.peers.hangup import SWEEP_SECONDS
from newstally_runtime.peers.ports import PortLimits, server_options
from support.processes import Process, eventually


@pytest.mark.parametrize("service", ["persister", "gateway", "extractor"])
def test_probes_answer_without_descriptors(service: str, tmp_path: Path) -> None:
    """Connections take all there are; /healthz, /readyz and /metrics answer all the same."""
    flags = {
        # A sink that is not there opens nothing later on.
        "persister": [
            "--data-dir",
            str(tmp_path / "data"),
            "--sqlite-path",
            str(tmp_path / "no/t"),
        ],
        "extractor": ["--engine", "support.engines:rules"],
        "gateway": ["--persister", "127.0.0.1:1", "--extractors", "127.0.0.1:1"],
    }[service]
    with Process(f"newstally_{service}", flags, tmp_path / "log") as process:
        running = psutil.Process(process.pid)
        limit = running.num_fds() + 10
        running.rlimit(psutil.RLIMIT_NOFILE, (limit, limit))
        taken = [socket.create_connection(("127.0.0.1", process.port)) for _ in range(100)]
        try:
            eventually(lambda: running.num_fds() >= limit, what="all descriptors are taken")
            # The ports are looked after several times meanwhile.
            end = time.monotonic() + 8 * SWEEP_SECONDS
            while time.monotonic() < end:
                assert json.loads(process.admin("/healthz"))["healthy"]
                assert "ready" in json.loads(process.admin("/readyz"))
                assert "newstally_" in process.admin("/metrics")
        finally:
            for connection in taken:
                connection.close()
        eventually(lambda: running.num_fds() < limit, what="they are free again")


@pytest.mark.parametrize(
    ("descriptors", "connections"), [(20_000, 1_000), (300, 236), (100, 50), (1, 2)]
)
def test_connections_leave_descriptors(
    descriptors: int, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links, files and probes need some, too."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (descriptors, descriptors))
    options = dict(server_options(PortLimits(500, 100, 60.0)))
    assert options["grpc.max_allowed_incoming_connections"] == connections
    assert options.items() >= dict(SERVER_OPTIONS).items()
    assert "grpc.max_connection_age_ms" not in options, "only where it is wanted"
