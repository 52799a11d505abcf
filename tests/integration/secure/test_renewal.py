"""Certificates are renewed while everything runs, and nobody notices."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from newstally import Access, Article, NewstallyClient, UploadSummary
from newstally.certificates.authority import Authority
from newstally.certificates.folder import Folder, write
from support.certificates import DAYS, make
from support.corpus import assert_counted_once, make_articles
from support.processes import Process, eventually
from support.trio import Trio

ARTICLES = 3_000
STOPS = (1_000, 2_000)
"""Where the upload waits for a renewal."""


class Paced:
    """Articles that stop here and there, until they may go on."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self.articles = articles
        self.stopped = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Article]:
        for number, article in enumerate(self.articles):
            if number in STOPS:
                self.stopped.set()
                await self.go_on.wait()
                self.go_on.clear()
            yield article


def shown(process: Process) -> str:
    """The certificate that a new connection is shown."""
    return ssl.get_server_certificate(("127.0.0.1", process.port), timeout=10)


def renewals(trio: Trio) -> list[int]:
    """How often each certificate was renewed: the gateway has two."""
    return [
        *(len(process.events("certificate renewed")) for process in trio.processes[:-1]),
        len(trio.gateway.events("certificate renewed")) // 2,
    ]


def another_authority(folder: Folder) -> None:
    """Let a new authority issue from now on, while the old one is still believed."""
    new = Authority.new(datetime.now(UTC))
    write(folder.path / "ca-key.pem", new.key)
    write(folder.authority, new.certificate + folder.authority.read_bytes())


@pytest.mark.slow
async def test_an_upload_outlives_its_certificates(tmp_path: Path) -> None:
    """Renewed by the same authority, then by another one, in the midst of one upload.

    No process ends, new connections see the new certificates, and the recount is equal. Then an
    extractor and the persister are killed and come back: they are reached with the new ones.
    """
    folder = make(tmp_path / "certificates")
    articles = make_articles(ARTICLES)
    paced = Paced(articles)

    async def send(target: str) -> UploadSummary:
        async with NewstallyClient(target, access=Access(ca=folder.authority)) as client:
            return await client.upload(paced, upload_id="job")

    with Trio(tmp_path / "trio", extractors=2, certificates=folder) as trio:
        pids = [process.pid for process in trio.processes]
        uploading = asyncio.create_task(send(trio.gateway.address))
        for times in (1, 2):
            async with asyncio.timeout(120):
                await paced.stopped.wait()
            paced.stopped.clear()
            before = shown(trio.gateway)
            if times == 2:
                another_authority(folder)
            folder.make((), datetime.now(UTC), DAYS)
            done = lambda least=times: min(renewals(trio)) >= least  # noqa: E731
            await asyncio.to_thread(eventually, done, what="all have renewed")
            # The gateway's own may be renewed twice before the one that it shows.
            other = lambda before=before: shown(trio.gateway) != before  # noqa: E731
            await asyncio.to_thread(eventually, other, what="the new one is shown")
            paced.go_on.set()
        assert (await uploading).counted == ARTICLES
        assert [process.pid for process in trio.processes] == pids

        for process in (trio.extractors[0], trio.persister):
            process.kill()
            await asyncio.to_thread(process.start)
        more = make_articles(200, seed=2)
        access = Access(ca=folder.authority)
        async with NewstallyClient(trio.gateway.address, access=access) as client:
            await client.upload(more, upload_id="more")
            await client.wait_applied("more")
            await client.wait_applied("job")
        linked = lambda: trio.gateway.metric("newstally_gateway_link_up") == 2  # noqa: E731
        await asyncio.to_thread(eventually, linked, what="both extractors are linked to")
        await assert_counted_once(trio.gateway.address, [*articles, *more], access)
