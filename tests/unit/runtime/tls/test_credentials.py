"""A channel that stands for long shows the certificate that is in the files now."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from cryptography import x509
from newstally.certificates.authority import Authority, Issued
from newstally_runtime.tls.certificate import CertificateFiles
from newstally_runtime.tls.credentials import RenewedChannel, server_credentials
from newstally_runtime.tls.watching import WatchedCertificate
from support.certificates import valid

AUTHORITY = Authority.new(datetime.now(UTC))


def watched(folder: Path, issued: Issued) -> WatchedCertificate:
    files = CertificateFiles(folder / "crt", folder / "key", folder / "ca")
    put(folder, issued)
    (folder / "ca").write_bytes(AUTHORITY.certificate)
    return WatchedCertificate(folder.name, files)


def put(folder: Path, issued: Issued) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "crt").write_bytes(issued.chain)
    (folder / "key").write_bytes(issued.key)


async def tell_peer(_request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    """Answer with the certificate that the caller shows."""
    (shown,) = context.auth_context()["x509_pem_cert"]
    return bytes(shown)


@asynccontextmanager
async def server(certificate: WatchedCertificate) -> AsyncIterator[str]:
    made = grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "Peer": grpc.unary_unary_rpc_method_handler(tell_peer)
    }
    made.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test", handlers),))
    port = made.add_secure_port("127.0.0.1:0", server_credentials(certificate))
    await made.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await made.stop(0)


def serial(pem: bytes) -> int:
    return x509.load_pem_x509_certificate(pem).serial_number


async def test_stubs_use_the_newest_certificate(tmp_path: Path) -> None:
    """Those made before, too; a call that is under way ends over the channel that it began on."""
    first, second = (valid(AUTHORITY, ["gateway"]) for _ in range(2))
    own = watched(tmp_path / "own", first)
    its = watched(tmp_path / "its", valid(AUTHORITY, ["persister"]))
    async with server(its) as target:
        channel = RenewedChannel(target, own, "persister")
        ask = channel.unary_unary("/test/Peer")
        assert serial(await ask(b"", timeout=60)) == serial(first.chain)
        under_way = ask(b"", timeout=60)
        put(tmp_path / "own", second)
        await own.look()
        assert serial(await ask(b"", timeout=60)) == serial(second.chain)
        assert serial(await under_way) == serial(first.chain)
        await channel.close()


async def test_a_port_shows_the_newest_certificate(tmp_path: Path) -> None:
    """And believes the newest authorities: a peer of one that was taken out gets in no more."""
    own = watched(tmp_path / "own", valid(AUTHORITY, ["gateway"]))
    its = watched(tmp_path / "its", valid(AUTHORITY, ["persister"]))
    async with server(its) as target:
        before = RenewedChannel(target, own, "persister")
        await before.unary_unary("/test/Peer")(b"", timeout=60)
        (tmp_path / "its" / "ca").write_bytes(Authority.new(datetime.now(UTC)).certificate)
        await its.look()
        again = RenewedChannel(target, own, "persister")
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await again.unary_unary("/test/Peer")(b"", timeout=60)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        # Connections that stand are left alone.
        await before.unary_unary("/test/Peer")(b"", timeout=60)
        for channel in (before, again):
            await channel.close()
