"""What somebody gets who reaches the inner ports and has no gateway's certificate: nothing."""

import asyncio
import contextlib
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest
from newstally import Access, Article, NewstallyClient
from newstally.certificates.authority import Authority, Issued
from newstally.certificates.folder import Folder
from newstally_protos.v1 import extractor_pb2 as extractor
from newstally_protos.v1 import journal_pb2 as journal
from newstally_protos.v1 import set_aside_pb2 as aside
from newstally_protos.v1 import upload_pb2 as upload
from newstally_protos.v1.extractor_pb2_grpc import ExtractorServiceStub
from newstally_protos.v1.journal_pb2_grpc import JournalServiceStub
from newstally_protos.v1.set_aside_pb2_grpc import SetAsideServiceStub
from newstally_protos.v1.upload_pb2_grpc import UploadServiceStub
from newstally_protos.wire import (
    EXTRACTOR_NAME,
    GATEWAY_NAME,
    OWNER_KEY,
    PERSISTER_NAME,
    connect,
)
from support.certificates import authority, expired, flags, make, valid
from support.processes import Process, eventually
from support.reference_extractor import ReferenceExtractor
from support.trio import Trio

OTHER = Authority.new(datetime.now(UTC))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Folder:
    return make(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def trio(tmp_path_factory: pytest.TempPathFactory, certificates: Folder) -> Iterator[Trio]:
    """The real services, all ports with TLS; one upload of two articles is counted."""
    directory = tmp_path_factory.mktemp("trio")
    with Trio(directory, extractors=1, certificates=certificates) as trio:
        asyncio.run(_upload(trio, certificates))
        yield trio


async def _upload(trio: Trio, certificates: Folder) -> None:
    access = Access(ca=certificates.authority)
    async with NewstallyClient(trio.gateway.address, access=access) as client:
        articles = [Article("The Lantern", "Alma met Bruno."), Article("The Lantern", "Alma left.")]
        summary = await client.upload(articles, upload_id="job")
    assert summary.counted == 2


def strangers(folder: Folder) -> dict[str, Issued | None]:
    """What a peer without a gateway's certificate may have instead."""
    ours = authority(folder)
    return {
        "no certificate": None,
        "another authority's": valid(OTHER, [GATEWAY_NAME]),
        "expired": expired(ours, [GATEWAY_NAME]),
        "for servers only": ours.issue([GATEWAY_NAME], datetime.now(UTC), 1, client=False),
        "another service's": valid(ours, [EXTRACTOR_NAME]),
        "nearly the name": valid(ours, [f"x{GATEWAY_NAME}", f"{GATEWAY_NAME}.evil"]),
        "a pattern": valid(ours, ["*.newstally.internal"]),
    }


TURNED_AWAY = "turned away by its name"
REFUSED = {
    # No connection comes about.
    "plain": "UNAVAILABLE",
    "no certificate": "UNAVAILABLE",
    "another authority's": "UNAVAILABLE",
    "expired": "UNAVAILABLE",
    "for servers only": "UNAVAILABLE",
    # A peer of this installation, but no gateway.
    "another service's": TURNED_AWAY,
    "nearly the name": TURNED_AWAY,
    "a pattern": TURNED_AWAY,
}


def channel(process: Process, folder: Folder, stranger: str, name: str) -> grpc.aio.Channel:
    if stranger == "plain":
        return connect(process.address)
    issued = strangers(folder)[stranger]
    shown = (None, None) if issued is None else (issued.key, issued.chain)
    credentials = grpc.ssl_channel_credentials(folder.authority.read_bytes(), *shown)
    return connect(process.address, credentials, name)


async def answer(call: Awaitable[object]) -> str:
    """The status, and in which words the service itself turns a peer away."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        by_its_name = f"only {GATEWAY_NAME}" in (error.details() or "")
        return TURNED_AWAY if by_its_name else error.code().name
    return "OK"


@pytest.mark.parametrize("stranger", REFUSED)
async def test_the_persister_takes_nothing_from_strangers(
    stranger: str, trio: Trio, certificates: Folder
) -> None:
    """No batch, no upload in anybody's name, no answer to a question, nothing set aside."""
    owner = ((OWNER_KEY, "anonymous"),)
    async with channel(trio.persister, certificates, stranger, PERSISTER_NAME) as one:
        batch = journal.RecordBatchRequest(upload_id="job", first_offset=2, end_offset=4)
        uploads = UploadServiceStub(one)
        calls: list[Awaitable[object]] = [
            JournalServiceStub(one).RecordBatch(batch, metadata=owner, timeout=60),
            uploads.CreateUpload(
                upload.CreateUploadRequest(upload_id="forged"), metadata=owner, timeout=60
            ),
            uploads.GetUpload(upload.GetUploadRequest(upload_id="job"), metadata=owner, timeout=60),
            SetAsideServiceStub(one).RetrySetAsideRows(
                aside.RetrySetAsideRowsRequest(), timeout=60
            ),
        ]
        assert {await answer(call) for call in calls} == {REFUSED[stranger]}
    access = Access(ca=certificates.authority)
    async with NewstallyClient(trio.gateway.address, access=access) as client:
        assert (await client.get_upload("job")).next_offset == 2
        # Nobody made it before.
        made = await client.create_upload("forged")
        assert made.next_offset == 0


@pytest.mark.parametrize("stranger", REFUSED)
async def test_an_extractor_reads_nothing_of_strangers(
    stranger: str, trio: Trio, certificates: Folder
) -> None:
    """It does not even say what it is."""
    name = EXTRACTOR_NAME
    async with channel(trio.extractors[0], certificates, stranger, name) as one:
        work = extractor.ExtractRequest(work=[extractor.Work(id=1)])

        async def requests() -> AsyncIterator[extractor.ExtractRequest]:
            yield work

        call = ExtractorServiceStub(one).Extract(requests(), timeout=60)
        assert await answer(anext(aiter(call))) in (REFUSED[stranger], "INTERNAL")


def test_the_persisters_own_commands_may_call(trio: Trio, certificates: Folder) -> None:
    """`set-aside` gets in with the persister's settings; as an extractor, or with none, not."""
    for service, code in (("persister", 0), ("extractor", 1), (None, 1)):
        given = [] if service is None else flags(certificates, service)
        command = [sys.executable, "-m", "newstally_persister", "set-aside", *given]
        # As in its pod: the port is that of its settings.
        environment = {**os.environ, "NEWSTALLY_PERSISTER_PORT": str(trio.persister.port)}
        done = subprocess.run(command, capture_output=True, env=environment, timeout=60)
        assert done.returncode == code, done.stderr


def test_no_port_speaks_an_older_version(trio: Trio, certificates: Folder) -> None:
    """TLS 1.2 gets no handshake, TLS 1.3 does: door, persister and extractor."""
    chain, key, authorities = certificates.certificate("gateway")
    for process in (trio.gateway, trio.persister, trio.extractors[0]):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=str(authorities))
            context.check_hostname = False
            context.minimum_version = context.maximum_version = version
            context.load_cert_chain(chain, key)
            context.set_alpn_protocols(["h2"])
            with socket.create_connection(("127.0.0.1", process.port), 10) as raw:
                if version is ssl.TLSVersion.TLSv1_3:
                    with context.wrap_socket(raw) as secured:
                        assert secured.version() == "TLSv1.3"
                else:
                    with pytest.raises((ssl.SSLError, ConnectionError)):
                        context.wrap_socket(raw).close()


@pytest.mark.slow
def test_a_handshake_that_is_never_ended_is_cut(trio: Trio) -> None:
    """Whoever connects and says nothing, or half of something, is gone after ten seconds.

    gRPC's own patience is two minutes.
    """
    begun = bytes.fromhex("1603010200010001fc0303")  # how a ClientHello of 512 bytes begins
    ports = [process.port for process in (trio.gateway, trio.persister, trio.extractors[0])]
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), 60))
            for port in ports
            for _ in range(20)
        ]
        for connection in silent[::2]:
            connection.sendall(begun)
        for connection in silent:
            with contextlib.suppress(ConnectionResetError):
                while connection.recv(4096):
                    pass


@pytest.mark.parametrize(
    "impostor", ["plain", "another authority's", "another service's", "expired"]
)
async def test_a_gateway_sends_nothing_to_impostors(
    impostor: str, certificates: Folder, tmp_path: Path
) -> None:
    """What listens where an extractor should be gets no article without an extractor's name."""
    ours = authority(certificates)
    shown = {
        "plain": None,
        "another authority's": valid(OTHER, [EXTRACTOR_NAME]),
        "another service's": valid(ours, [PERSISTER_NAME]),
        "expired": expired(ours, [EXTRACTOR_NAME]),
    }[impostor]
    credentials = None if shown is None else grpc.ssl_server_credentials([(shown.key, shown.chain)])
    fake = ReferenceExtractor(credentials=credentials)
    await fake.start()
    data = ["--data-dir", str(tmp_path / "data"), *flags(certificates, "persister")]
    access = Access(ca=certificates.authority)
    with Process("newstally_persister", data, tmp_path / "persister.log") as persister:
        places = ["--persister", persister.address, "--extractors", fake.address]
        given = [*places, *flags(certificates, "gateway")]
        with Process("newstally_gateway", given, tmp_path / "gateway.log") as gateway:
            async with NewstallyClient(gateway.address, access=access) as client:
                uploading = asyncio.create_task(client.upload([Article("The Lantern", "Secret")]))
                away = lambda: gateway.metric("newstally_gateway_queued_articles") >= 1  # noqa: E731
                await asyncio.to_thread(eventually, away)
                await asyncio.to_thread(
                    eventually, lambda: gateway.events("replica away"), what="no link comes about"
                )
                uploading.cancel()
                await asyncio.gather(uploading, return_exceptions=True)
    await fake.close()
    assert (fake.links, fake.batches) == (0, [])
    assert gateway.events("link up") == []
