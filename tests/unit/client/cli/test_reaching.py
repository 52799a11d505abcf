"""What is at the target, when it is no gateway."""

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from newstally.cli.uploading import reaching
from support.reference_gateway import ReferenceGateway

from .conftest import Run, begun

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def listening(handler: Handler) -> AsyncIterator[str]:
    """A port where something else is."""
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        with contextlib.suppress(OSError):
            await handler(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    # Their clients are gone, so they end.
    await asyncio.gather(*(task for task in serving if task is not None))


async def http1(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(64)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
    await writer.drain()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def ssh(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"SSH-2.0-OpenSSH_9.6\r\n")
    await reader.read()


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", 0.7)
    monkeypatch.setattr("newstally._gateway.contact._CONNECT_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "http://127.0.0.1:50051",
            "is a web address; a target is host:port, for example 127.0.0.1",
        ),
        ("https://news.example/", "for example news.example"),
        ("localhost", "names no port; a target is host:port, for example localhost:50051"),
        ("localhost:", "has no port from 1 to 65535"),
        ("localhost:99999", "has no port from 1 to 65535"),
        (" ", "is no address"),
    ],
)
async def test_what_cannot_be_an_address_is_wrong_usage(
    run: Run, articles: Path, states: Path, target: str, message: str
) -> None:
    """Told at once with an example: exit code 2, nothing begun."""
    result = await run("upload", articles, "--target", target)
    assert (result.exit_code, begun(states)) == (2, [])
    assert message in result.stderr


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("127.0.0.1:1", "nothing listens at 127.0.0.1:1; is the gateway running"),
        ("no-such-host.invalid:50051", "the name no-such-host.invalid cannot be resolved"),
    ],
)
async def test_an_address_that_does_not_answer_is_given_up(
    run: Run, articles: Path, states: Path, target: str, message: str
) -> None:
    """One error with the remedy, exit code 1, and no state: the right address works afterwards."""
    result = await run("upload", articles, "--upload-id", "job", "--target", target)
    assert (result.exit_code, begun(states)) == (1, [])
    assert message in result.stderr.splitlines()[-1]
    assert "--wait waits" in result.stderr
    async with ReferenceGateway() as gateway:
        again = await run("upload", articles, "--upload-id", "job", "--target", gateway.target)
    assert again.exit_code == 0


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        (http1, "speaks HTTP/1 and is no gRPC server"),
        (ssh, "is no gRPC server; is the port right?"),
        (silent, "takes the connection and says nothing"),
    ],
)
async def test_a_port_of_something_else_is_told(
    run: Run,
    articles: Path,
    states: Path,
    handler: Handler,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is there, as far as can be seen; exit code 1."""
    if handler is silent:
        monkeypatch.setattr("newstally._gateway.probing._SECONDS", 0.5)
    else:  # it is told at once
        monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", 60.0)
    async with listening(handler) as target:
        result = await run("upload", articles, "--target", target)
    assert (result.exit_code, begun(states)) == (1, [])
    assert message in result.stderr.splitlines()[-1]


async def test_a_port_that_speaks_tls_is_told(
    run: Run, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain client never gets an answer there: exit code 1 with the remedy, at once."""
    monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", 60.0)
    key, chain = (path.read_bytes() for path in certificate(tmp_path))
    server = grpc.aio.server()
    credentials = grpc.ssl_server_credentials([(key, chain)])
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        result = await run("upload", articles, "--target", f"127.0.0.1:{port}")
    finally:
        await server.stop(0)
    assert result.exit_code == 1
    assert "speaks TLS, and this client speaks plain gRPC" in result.stderr


async def test_another_grpc_server_is_told(run: Run, articles: Path) -> None:
    """It knows nothing of uploads: exit code 1, and no wait."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        result = await run("upload", articles, "--wait", "--target", f"127.0.0.1:{port}")
    finally:
        await server.stop(0)
    assert result.exit_code == 1
    assert "a server of another kind answers there" in result.stderr


async def test_wait_waits_for_the_first_contact(run: Run, articles: Path) -> None:
    """As in an init job: the gateway comes later than any patience."""
    async with ReferenceGateway() as gateway:
        port = gateway.port
    uploading = asyncio.create_task(
        run("upload", articles, "--target", f"127.0.0.1:{port}", "--wait", "--json")
    )
    done, _ = await asyncio.wait([uploading], timeout=2.0)
    assert not done
    async with ReferenceGateway(port=port) as gateway:
        result = await uploading
        assert gateway.received == 30
    assert result.exit_code == 0
    assert f"waiting for gateway 127.0.0.1:{port}: nothing listens" in result.stderr


async def test_a_gateway_without_its_persister_is_a_gateway(run: Run, articles: Path) -> None:
    """UNAVAILABLE over a connection that stands is waited for."""
    async with ReferenceGateway() as gateway:
        gateway.unary_failures = [grpc.StatusCode.UNAVAILABLE] * 3
        result = await run("upload", articles, "--target", gateway.target)
    assert result.exit_code == 0


def certificate(folder: Path) -> tuple[Path, Path]:
    """A key pair that nobody trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = folder / "c.pem", folder / "k.pem"
    pem.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return key_pem, pem
