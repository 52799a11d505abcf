"""From an open installation of the previous release to certificates, while an upload runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from newstally import Article, NewstallyClient, UploadSummary
from rollouts.test_mixed_versions import (
    previous,  # noqa: F401 - a fixture
    sources,
)
from support import ports
from support.certificates import flags, make
from support.corpus import assert_counted_once, make_articles
from support.processes import REPOSITORY, Process, eventually
from support.trio import RULES

CHUNK = 100


@pytest.mark.slow
async def test_an_installation_changes_over_without_an_outage(
    previous: Path,  # noqa: F811
    tmp_path: Path,
) -> None:
    """One upload runs all the way, and is counted once.

    Persister and extractor of the previous release make way for those of this one, which have a
    port with certificates and the plain one of before; a gateway with certificates comes, that of
    the previous release goes; in the end nothing inside is plain any more.
    """
    certificates = make(tmp_path / "certificates")

    def process(kind: str, tree: Path, *given: str) -> Process:
        environment = {"PYTHONPATH": sources(tree)}
        log = tmp_path / f"{kind}-{tree.name}.log"
        return Process(f"newstally_{kind}", list(given), log, environment)

    kept = {
        "persister": ("--data-dir", str(tmp_path / "data")),
        "extractor": ("--engine", RULES),
    }
    with ExitStack() as stack:
        old = {kind: stack.enter_context(process(kind, previous, *kept[kind])) for kind in kept}
        plain_ports = {kind: each.port for kind, each in old.items()}
        leaving = stack.enter_context(process("gateway", previous, *places(old)))
        new = {
            kind: process(kind, REPOSITORY, *kept[kind], *flags(certificates, kind))
            for kind in kept
        }
        coming = process("gateway", REPOSITORY)

        def replace(kind: str) -> None:
            old[kind].terminate()
            final = list(new[kind].arguments)
            new[kind].arguments += ["--plain-port", str(plain_ports[kind])]
            stack.enter_context(new[kind])
            new[kind].arguments = final  # when it starts again

        def let_come() -> None:
            # Certificates for the services only: its door stays plain, as the client is.
            coming.arguments = [*places(new), *flags(certificates, "gateway")[:3]]
            stack.enter_context(coming)
            eventually(lambda: coming.events("link up"))

        def close(kind: str) -> None:
            assert new[kind].terminate() == 0
            new[kind].start()
            assert not new[kind].events("serving")[-1].get("plain_port")

        steps: list[Callable[[], object]] = [
            lambda: replace("persister"),
            lambda: replace("extractor"),
            let_come,
            leaving.terminate,
            lambda: close("persister"),
            lambda: close("extractor"),
        ]
        articles = make_articles(CHUNK * (len(steps) + 1))
        # The client knows both gateways, as it would by a name; the new one need not run yet.
        coming.port = ports.free()
        target = f"ipv4:{leaving.address},{coming.address}"
        uploading = Upload(target, articles)
        task = asyncio.create_task(uploading.run())
        for number, step in enumerate(steps, 1):
            await uploading.has_sent(number * CHUNK)
            await asyncio.to_thread(step)
            uploading.let_go_on()
        async with asyncio.timeout(120):
            assert (await task).counted == len(articles)
        async with NewstallyClient(coming.address) as client:
            await client.wait_applied("changing")
        await assert_counted_once(coming.address, articles)


def places(services: dict[str, Process]) -> list[str]:
    return [
        *("--persister", services["persister"].address),
        *("--extractors", services["extractor"].address),
    ]


class Upload:
    """An upload that waits after each chunk until it may go on."""

    def __init__(self, target: str, articles: list[Article]) -> None:
        self._target = target
        self._articles = articles
        self._sent = 0
        self._moved = asyncio.Condition()
        self._go_on = asyncio.Event()

    async def run(self) -> UploadSummary:
        async with NewstallyClient(self._target) as client:
            return await client.upload(self, upload_id="changing")

    async def __aiter__(self) -> AsyncIterator[Article]:
        for number, article in enumerate(self._articles):
            if number and number % CHUNK == 0:
                async with self._moved:
                    self._sent = number
                    self._moved.notify_all()
                await self._go_on.wait()
                self._go_on.clear()
            yield article

    async def has_sent(self, number: int) -> None:
        async with asyncio.timeout(120), self._moved:
            await self._moved.wait_for(lambda: self._sent >= number)

    def let_go_on(self) -> None:
        self._go_on.set()
