"""What is at the target, when it is no gateway."""

import asyncio
import contextlib
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from newstally import UploadEvent
from newstally.certificates.authority import Authority, Issued
from newstally.cli.uploading import reaching
from newstally.cli.uploading.display import LineDisplay
from support import ports
from support.certificates import expired, valid
from support.reference_gateway import ReferenceGateway

from .conftest import Run, begun

AUTHORITY, OTHER = (Authority.new(datetime.now(UTC)) for _ in range(2))

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
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is there answers in time, however busy the machine is."""
    monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", 60.0)
    monkeypatch.setattr("newstally._gateway.contact._CONNECT_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (
            "http://127.0.0.1:50051",
            "is a web address; a target is host:port, for example 127.0.0.1",
        ),
        ("https://news.example/", "for example news.example:50051"),
        ("https://news.example:443/", "for example news.example:443"),
        ("localhost", "names no port; a target is host:port, for example localhost:50051"),
        ("localhost:", "has no port from 1 to 65535"),
        ("localhost:99999", "has no port from 1 to 65535"),
        (" ", "is no address"),
    ],
)
async def test_what_cannot_be_an_address_is_wrong_usage(
    run: Run, articles: Path, states: Path, target: str, message: str
) -> None:
    """Told at once with an example: exit code 2, nothing begun; by commands that ask, too."""
    for command in (("upload", articles), ("top",), ("status",)):
        result = await run(*command, "--target", target)
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
    run: Run,
    articles: Path,
    states: Path,
    target: str,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One error with the remedy, exit code 1, and no state: the right address works afterwards."""
    with monkeypatch.context() as impatient:
        impatient.setattr(reaching, "FIRST_CONTACT_SECONDS", 0.7)
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
    # The others are told at once.
    seconds = 0.5 if handler is silent else 60.0
    monkeypatch.setattr("newstally._gateway.probing._SECONDS", seconds)
    monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", seconds)
    async with listening(handler) as target:
        result = await run("upload", articles, "--target", target)
    assert (result.exit_code, begun(states)) == (1, [])
    assert message in result.stderr.splitlines()[-1]


def shown(issued: Issued) -> grpc.ServerCredentials:
    return grpc.ssl_server_credentials([(issued.key, issued.chain)])


def authority_file(folder: Path, authority: Authority) -> Path:
    path = folder / f"{len(list(folder.iterdir()))}.pem"
    path.write_bytes(authority.certificate)
    return path


async def test_a_port_that_speaks_tls_is_told(
    run: Run, articles: Path, states: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plain client never gets an answer there: exit code 1 with the remedy, at once."""
    monkeypatch.setattr("newstally._gateway.probing._SECONDS", 60.0)
    async with ReferenceGateway(credentials=shown(valid(AUTHORITY, ["127.0.0.1"]))) as gateway:
        result = await run("upload", articles, "--target", gateway.target)
    assert (result.exit_code, begun(states)) == (1, [])
    assert "speaks TLS, and this client was not told to" in result.stderr
    assert "--ca FILE" in result.stderr


@pytest.mark.parametrize("by_environment", [False, True], ids=["flag", "environment"])
async def test_the_authority_of_the_certificate_is_enough(
    run: Run,
    articles: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    by_environment: bool,
) -> None:
    """With --ca or NEWSTALLY_CA everything goes over TLS, uploads and questions."""
    ca = authority_file(tmp_path, AUTHORITY)
    if by_environment:
        monkeypatch.setenv("NEWSTALLY_CA", str(ca))
    flags = [] if by_environment else ["--ca", ca]
    async with ReferenceGateway(credentials=shown(valid(AUTHORITY, ["127.0.0.1"]))) as gateway:
        sent = await run("upload", articles, "--target", gateway.target, *flags)
        asked = await run("top", "The Daily", "--target", gateway.target, *flags)
        listed = await run("publications", "--target", gateway.target, *flags)
        (upload_id,) = gateway.journals
        refused = await run("refusals", upload_id, "--target", gateway.target, *flags)
    assert [each.exit_code for each in (sent, asked, listed, refused)] == [0, 0, 0, 0]
    assert "Anna" in asked.stdout


async def test_a_public_authority_is_wanted_where_none_is_named(
    run: Run, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--tls alone believes no authority of one's own: told at once, with the remedy."""
    async with ReferenceGateway(credentials=shown(valid(AUTHORITY, ["127.0.0.1"]))) as gateway:
        result = await run("upload", articles, "--target", gateway.target, "--tls")
        assert gateway.received == 0
    assert result.exit_code == 1
    assert "is --ca (NEWSTALLY_CA) the authority of this gateway" in result.stderr


@pytest.mark.parametrize(
    ("certificate", "message"),
    [
        (valid(OTHER, ["127.0.0.1"]), "unable to get local issuer certificate"),
        (valid(AUTHORITY, ["news.example"]), "IP address mismatch"),
        (expired(AUTHORITY, ["127.0.0.1"]), "certificate has expired"),
    ],
    ids=["another authority", "another name", "expired"],
)
async def test_a_certificate_that_cannot_be_believed_is_told(
    run: Run,
    articles: Path,
    states: Path,
    tmp_path: Path,
    certificate: Issued,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is sent there; the reason and the remedy at once, exit code 1."""
    ca = authority_file(tmp_path, AUTHORITY)
    async with ReferenceGateway(credentials=shown(certificate)) as gateway:
        result = await run("upload", articles, "--target", gateway.target, "--ca", ca)
        assert gateway.received == 0
    assert (result.exit_code, begun(states)) == (1, [])
    assert message in result.stderr
    assert "is --ca (NEWSTALLY_CA) the authority of this gateway" in result.stderr


async def test_a_plain_port_is_told_to_who_speaks_tls(
    run: Run, articles: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round: exit code 1 with the remedy, at once; --no-tls wins."""
    monkeypatch.setenv("NEWSTALLY_CA", str(authority_file(tmp_path, AUTHORITY)))
    async with ReferenceGateway() as gateway:
        result = await run("upload", articles, "--target", gateway.target)
        plain = await run("upload", articles, "--target", gateway.target, "--no-tls")
    assert result.exit_code == 1
    assert "does not speak TLS; leave out --ca and --tls" in result.stderr
    assert plain.exit_code == 0


QUESTIONS = {
    "top": (),
    "publications": (),
    "rising": (),
    "history": ("Anna",),
    "find": ("anna",),
    "compare": ("A", "B"),
    "export": ("-o", "all.csv"),
    "uploads": (),
    "refusals": ("job",),
    "key": ("assign", "job", "somebody"),
    "status": (),
}


@pytest.mark.parametrize("command", QUESTIONS)
async def test_a_question_to_nobody_is_told_at_once(
    run: Run, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Waiting does not help who wants an answer now: the cause with the remedy, exit code 1."""
    monkeypatch.setattr("newstally.cli.asking.PATIENCE_SECONDS", 600.0)
    monkeypatch.setattr("newstally.client.status.asking.CONNECT_SECONDS", 600.0)
    for target, message in (
        ("127.0.0.1:1", "nothing listens at 127.0.0.1:1; is the gateway running"),
        ("no-such-host.invalid:50051", "the name no-such-host.invalid cannot be resolved"),
    ):
        result = await run(command, *QUESTIONS[command], "--target", target)
        assert result.exit_code == 1
        (line,) = result.stderr.splitlines()
        assert message in line
    if command not in ("export", "key"):
        told = await run(command, *QUESTIONS[command], "--json", "--target", "127.0.0.1:1")
        assert json.loads(told.stdout)["error"] == "GaveUp"


async def test_a_question_to_a_gateway_that_cannot_answer_is_given_up(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there, and its persister away: one line after a person's patience, exit code 1."""
    monkeypatch.setattr("newstally.cli.asking.PATIENCE_SECONDS", 0.5)
    async with ReferenceGateway() as gateway:
        gateway.unary_failures = [grpc.StatusCode.UNAVAILABLE] * 1000
        result = await run("uploads", "show", "job", "--target", gateway.target)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith(f"error: gateway {gateway.target} is there, but has not answered")


async def test_a_question_over_the_wrong_way_is_told(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plain to TLS, and TLS to plain: the same remedies as for an upload, at once, exit code 1."""
    monkeypatch.setattr("newstally.cli.asking.PATIENCE_SECONDS", 600.0)
    ca = authority_file(tmp_path, AUTHORITY)
    async with ReferenceGateway(credentials=shown(valid(AUTHORITY, ["127.0.0.1"]))) as gateway:
        plain = await run("publications", "--target", gateway.target)
    async with ReferenceGateway() as gateway:
        secured = await run("top", "The Daily", "--target", gateway.target, "--ca", ca)
    assert (plain.exit_code, secured.exit_code) == (1, 1)
    assert "--ca FILE (NEWSTALLY_CA" in plain.stderr
    assert "does not speak TLS; leave out --ca and --tls" in secured.stderr


@pytest.mark.parametrize(
    ("content", "message"), [(None, "No such file"), (b"", "no certificate"), (b"x", "PEM")]
)
async def test_a_file_that_is_no_authority_is_wrong_usage(
    run: Run, articles: Path, tmp_path: Path, content: bytes | None, message: str
) -> None:
    """Exit code 2, with the file's name, before anything else."""
    ca = tmp_path / "ca.pem"
    if content is not None:
        ca.write_bytes(content)
    for command in (("upload", articles), ("publications",), ("refusals", "job")):
        result = await run(*command, "--target", "127.0.0.1:1", "--ca", ca)
        assert result.exit_code == 2
        assert message in result.stderr
        assert str(ca) in result.stderr


async def test_another_grpc_server_is_told(run: Run, articles: Path) -> None:
    """It knows nothing of uploads: exit code 1, and no wait."""
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        target = f"127.0.0.1:{port}"
        result = await run("upload", articles, "--wait", "--target", target)
        asked = await run("top", "--target", target)
    finally:
        await server.stop(0)
    assert (result.exit_code, asked.exit_code) == (1, 1)
    assert "a server of another kind answers there" in result.stderr
    assert "a server of another kind answers there" in asked.stderr


async def test_it_says_soon_that_it_connects(
    run: Run, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seconds before it is known why nothing answers."""
    monkeypatch.setattr(reaching, "SIGN_AFTER_SECONDS", 0.1)
    monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", 0.7)
    monkeypatch.setattr("newstally._gateway.probing._SECONDS", 0.5)
    async with listening(silent) as target:
        told = await run("upload", articles, "--target", target)
    assert told.stderr.splitlines()[0] == f"connecting to gateway {target}"


async def test_wait_waits_for_the_first_contact(
    run: Run, articles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an init job: the gateway comes later than any patience."""
    tried = threading.Semaphore(0)

    class Noted(LineDisplay):
        def __call__(self, event: UploadEvent) -> None:
            super().__call__(event)
            tried.release()

    monkeypatch.setattr(reaching, "LineDisplay", Noted)
    monkeypatch.setattr(reaching, "FIRST_CONTACT_SECONDS", 0.7)
    port = ports.free()
    uploading = asyncio.create_task(
        run("upload", articles, "--target", f"127.0.0.1:{port}", "--wait", "--json")
    )
    for _ in range(3):  # half a second lies between two
        assert await asyncio.to_thread(tried.acquire, timeout=60)
    assert not uploading.done()
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
