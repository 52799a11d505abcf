"""What a caller writes into the headers of a call ends no port, and is not what the log says."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import grpc
import pytest
from attacks.wire import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    ClosedError,
    Connection,
    block_of,
    frame,
)
from newstally.keys import make_key
from support.gateway_wire import gateway_process
from support.processes import Process, eventually
from support.reference_persister import ReferencePersister

pytestmark = pytest.mark.processes

HEALTH = b"/grpc.health.v1.Health/Check"
CALLS = 30


def call(connection: Connection, path: bytes, more: Iterable[tuple[bytes, bytes]] = ()) -> None:
    flags = END_HEADERS | END_STREAM
    connection.send(frame(HEADERS, flags, connection.reserve(), block_of(path, more)))


def serves(process: Process) -> bool:
    with grpc.insecure_channel(process.address) as channel:
        health: grpc.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(HEALTH.decode())
        try:
            health(b"", timeout=5)
        except grpc.RpcError:
            return False
    return True


@pytest.mark.parametrize("keyed", [False, True], ids=["open", "with keys"])
async def test_no_header_ends_the_port_or_fills_the_log(
    keyed: bool, tmp_path: Path, persister: ReferencePersister
) -> None:
    """No path, none of UTF-8, one without a service, metadata that is no text, good keys in it."""
    keys = tmp_path / "keys.json"
    key = make_key(keys, "team-a")
    flags = ("--keys", str(keys)) if keyed else ()
    async with gateway_process(tmp_path, persister, [], *flags) as process:
        before = len(process.log_path.read_text().splitlines())
        odd: list[tuple[bytes, list[tuple[bytes, bytes]]]] = [
            (b"/\xff", []),
            (b"/newstally.v1.\xffService/Get", []),
            (b"Marmalade", []),
            (b"Marmalade" * 200, []),
            (b"/", []),
            (b"//", []),
            (HEALTH, [(b"authorization", b"Bearer " + key.encode() + b"\xff")]),
            (HEALTH, [(b"x-marmalade\xff", b"1")]),
        ]
        for path, more in odd:
            connection = Connection(process.port)
            with contextlib.closing(connection), contextlib.suppress(ClosedError):
                for _ in range(CALLS):
                    call(connection, path, more)
                    while connection.alive and connection.last not in connection.ended:
                        connection.pump(0.001)
        eventually(lambda: serves(process), what="it serves")
        log = process.log_path.read_text()
    assert "Marmalade" not in log
    assert "marmalade" not in log
    assert key not in log
    assert len(log.splitlines()) - before < CALLS
