"""Keys that change during a running upload: it goes on, or ends and can go on; recounted equal."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from newstally import Access, AccessDenied, Article, NewstallyClient, Progress, UploadTakenOver
from newstally.keys import make_key, revoke_key, rotate_key
from support.corpus import assert_counted_once, make_articles
from support.processes import Process
from support.trio import RULES

pytestmark = [pytest.mark.processes, pytest.mark.slow]


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


@pytest.fixture
def gateway(tmp_path: Path, keys: Path) -> Iterator[str]:
    keys.write_text('{"keys": []}')
    with ExitStack() as stack:

        def start(name: str, *flags: str) -> Process:
            log = tmp_path / f"{name}.log"
            return stack.enter_context(Process(f"newstally_{name}", list(flags), log))

        persister = start("persister", "--data-dir", str(tmp_path / "data"))
        extractor = start("extractor", "--engine", RULES)
        flags = ["--persister", persister.address, "--extractors", extractor.address]
        yield start("gateway", *flags, "--keys", str(keys)).address


class Input:
    """Articles of which the second half comes when it is let."""

    def __init__(self, articles: list[Article]) -> None:
        self.articles = articles
        self.go_on = asyncio.Event()
        self.half_settled = asyncio.Event()

    async def __aiter__(self) -> AsyncIterator[Article]:
        half = len(self.articles) // 2
        for number, article in enumerate(self.articles):
            if number == half:
                await self.go_on.wait()
            yield article

    def heard(self, event: object) -> None:
        if isinstance(event, Progress) and event.upload.next_offset >= len(self.articles) // 2:
            self.half_settled.set()


async def known(gateway: str, key: str, *, good: bool) -> None:
    """Wait until a key is good, or is not."""
    async with asyncio.timeout(60), NewstallyClient(gateway, access=Access(key=key)) as client:
        while True:
            try:
                [_ async for _ in client.uploads()]
                found = True
            except AccessDenied:
                found = False
            if found == good:
                return
            await asyncio.sleep(0.05)


async def test_rotation_and_revocation_during_an_upload(gateway: str, keys: Path) -> None:
    """Rotated, the upload goes on; revoked, it ends with the remedy, and goes on with the other."""
    articles = make_articles(300)
    old = make_key(keys, "alice")
    await known(gateway, old, good=True)
    source = Input(articles)
    async with NewstallyClient(gateway, access=Access(key=old)) as client, asyncio.timeout(120):
        uploading = asyncio.create_task(
            client.upload(source, upload_id="job", on_event=source.heard)
        )
        await source.half_settled.wait()
        new, _ = rotate_key(keys, old.partition(".")[0], timedelta(hours=1))
        await known(gateway, new, good=True)
        assert not uploading.done()
        revoke_key(keys, old.partition(".")[0])
        await known(gateway, old, good=False)
        source.go_on.set()
        with pytest.raises(AccessDenied, match="newstally key new"):
            await uploading
    async with NewstallyClient(gateway, access=Access(key=new)) as client, asyncio.timeout(120):
        summary = await client.upload(articles, upload_id="job")
        assert (summary.counted, summary.refused) == (len(articles), 0)
        await client.wait_applied("job")
    await assert_counted_once(gateway, articles, access=Access(key=new))


async def test_two_clients_of_one_upload_do_not_take_it_from_each_other(
    gateway: str, keys: Path
) -> None:
    """The second one finishes it, the first one is told; recounted equal."""
    articles = make_articles(300)
    key = Access(key=make_key(keys, "alice"))
    await known(gateway, str(key.key), good=True)
    first = Input(articles)
    async with (
        NewstallyClient(gateway, access=key) as one,
        NewstallyClient(gateway, access=key) as other,
        asyncio.timeout(120),
    ):
        uploading = asyncio.create_task(one.upload(first, upload_id="job", on_event=first.heard))
        await first.half_settled.wait()
        summary = await other.upload(articles, upload_id="job")
        assert summary.counted == len(articles)
        first.go_on.set()
        with pytest.raises(UploadTakenOver):
            await uploading
        await other.wait_applied("job")
    await assert_counted_once(gateway, articles, access=key)
