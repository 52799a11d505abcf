"""Certificates are renewed while everything runs, and nobody notices."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from newstally import (
    Access,
    Article,
    GaveUp,
    NewstallyClient,
    Progress,
    RetryPolicy,
    UploadEvent,
    UploadSummary,
)
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

    def __init__(self, articles: Sequence[Article], stops: Sequence[int]) -> None:
        self.articles = articles
        self.stops = stops
        self.stopped = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Article]:
        for number, article in enumerate(self.articles):
            if number in self.stops:
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
    paced = Paced(articles, STOPS)

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


async def test_a_persister_that_turns_its_gateway_away_is_waited_for(tmp_path: Path) -> None:
    """Given another gateway's name by mistake, it is as one that is away, and nothing more.

    The gateway is not ready and says why; an upload waits, and its client is not told that it is
    unknown, or over a limit. It goes on once the name is right again.
    """
    folder = make(tmp_path / "certificates")
    articles = make_articles(40)
    paced = Paced(articles, (20,))
    access = Access(ca=folder.authority)
    with Trio(tmp_path / "trio", extractors=1, certificates=folder) as trio:
        persister, gateway = trio.persister, trio.gateway

        async def restart(arguments: Sequence[str]) -> None:
            await asyncio.to_thread(persister.terminate)
            persister.arguments = list(arguments)
            await asyncio.to_thread(persister.start)

        async with NewstallyClient(gateway.address, access=access) as client:
            settled = asyncio.Event()

            def note(event: UploadEvent) -> None:
                if isinstance(event, Progress) and event.upload.next_offset == 20:
                    settled.set()

            uploading = asyncio.create_task(client.upload(paced, upload_id="job", on_event=note))
            async with asyncio.timeout(60):
                await settled.wait()
            right = persister.arguments
            await restart([*right, "--mtls-gateways=another.gateway.internal"])
            paced.go_on.set()
            told = lambda: "only another.gateway.internal" in gateway.admin("/readyz")  # noqa: E731
            await asyncio.to_thread(eventually, told, what="the gateway says why it is not ready")
            once = RetryPolicy(give_up_after=0.01)
            async with NewstallyClient(gateway.address, access=access, retry=once) as hasty:
                with pytest.raises(GaveUp, match=r"only another\.gateway\.internal may call"):
                    await hasty.get_upload("job")
            retries = "newstally_gateway_record_retries_total"
            turned_away = lambda: gateway.metric(retries, code="UNAVAILABLE") >= 1  # noqa: E731
            await asyncio.to_thread(eventually, turned_away, what="a batch was turned away")
            await restart(right)
            async with asyncio.timeout(60):
                assert (await uploading).counted == len(articles)
                await client.wait_applied("job")
        await assert_counted_once(gateway.address, articles, access)
