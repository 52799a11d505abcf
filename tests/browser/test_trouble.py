"""When what it asks is away, slow, or will not answer it: the page says so, and what to do."""

import asyncio
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browser import hostile, sites
from browser.reader import DESKTOP_AT_NIGHT, PHONE, reading
from browser.sites import Site
from newstally.certificates.folder import write
from playwright.async_api import Browser, expect
from support.certificates import secure
from support.dashboard import dashboard_process
from support.processes import eventually
from support.trio import Trio

pytestmark = pytest.mark.asyncio(loop_scope="session")
LONGEST_SECONDS = 30.0
"""Beyond the dashboard's deadline of 8 s, on a machine that has other things to do."""
NO_ANSWER = re.compile("No answer in time|The gateway does not answer")
"""The deadline of the question passes; or keepalive, as long, finds the connection dead first."""
PAGES = (
    "/",
    "/publication?name=The+Lantern",
    "/entity?text=x&label=ORG",
    "/search?q=la",
    "/compare?publication=a&publication=b",
    "/status",
)


async def until(base: str, status: int) -> None:
    """Wait until the overview is answered so."""

    def answered() -> bool:
        return httpx.get(base + "/", timeout=60).status_code == status

    await asyncio.to_thread(eventually, answered, 120.0, f"{status} from the dashboard")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Services that may be hurt."""
    articles = hostile.articles(5)
    path = tmp_path_factory.mktemp("own")
    with sites.site(path, articles, engine=sites.NAMED, dashboard_flags=()) as made:
        yield made


async def test_a_gateway_that_is_away(browser: Browser, own: Site) -> None:
    """503 on every page, in words; and the page works again once the gateway is back."""
    own.trio.gateway.kill()
    try:
        await assert_told(browser, own)
    finally:
        own.trio.gateway.start()
    await until(own.base, 200)


async def test_figures_that_are_not_renewed_say_so(browser: Browser, own: Site) -> None:
    """As of when they are, while renewing fails; and no more once they are renewed."""
    async with reading(browser, own.base, PHONE) as reader:
        reader.allowed = re.compile("Failed to load resource")
        await reader.page.route("**/live", lambda route: route.abort())
        await reader.open("/")
        old = reader.page.locator("#live .old")
        told = re.compile(r"^As of \d\d:\d\d:\d\d: renewing it fails, and is tried again\.$")
        await expect(old).to_have_text(told)
        assert await reader.cut() == []
        assert await reader.barriers() == []
        await reader.page.unroute("**/live")
        await expect(old).to_have_count(0)
        await expect(reader.page.locator("#live")).to_be_visible()


async def assert_told(browser: Browser, own: Site) -> None:
    """Every page says that the gateway does not answer."""
    await until(own.base, 503)  # what was cached is old by then
    for look in (PHONE, DESKTOP_AT_NIGHT):
        async with reading(browser, own.base, look) as reader:
            reader.allowed = re.compile("503")
            for path in PAGES:
                answer = await reader.whole(path)
                assert answer.status == 503, path
                text = await reader.page.locator("main").inner_text()
                assert "gateway" in text.lower(), path
                assert await reader.cut() == []
                assert await reader.barriers() == []


async def test_a_gateway_that_does_not_answer(browser: Browser, own: Site) -> None:
    """The page comes all the same, and says in the end that there was no answer."""
    os.kill(own.trio.gateway.pid, signal.SIGSTOP)
    try:
        async with reading(browser, own.base) as reader:
            reader.allowed = re.compile("50[34]")
            began = time.monotonic()
            answer = await reader.open("/publication?name=Gazette+00001")
            assert answer.status in (200, 503)
            assert time.monotonic() - began < LONGEST_SECONDS
            main = reader.page.locator("main")
            await expect(main).to_contain_text(NO_ANSWER)
            await expect(main).not_to_contain_text("Loading")
            assert await main.get_by_text("Articles over time").count() == 1
            assert await reader.cut() == []
    finally:
        os.kill(own.trio.gateway.pid, signal.SIGCONT)
    await until(own.base, 200)


async def test_a_key_that_is_refused(browser: Browser, tmp_path: Path) -> None:
    """Every page says that it is the dashboard's key, and not the reader, that was not let in."""
    folder = secure(tmp_path / "secure")
    wrong = tmp_path / "wrong"
    write(wrong, b"0123456789abcdef." + b"0" * 64)
    flags = [f"--ca={folder.folder.authority}", f"--key-file={wrong}"]
    with (
        Trio(
            tmp_path / "trio",
            extractors=1,
            certificates=folder.folder,
            gateway_flags=folder.gateway_flags,
        ) as trio,
        dashboard_process(trio.gateway.address, tmp_path / "log", flags) as process,
    ):
        async with reading(browser, process.base) as reader:
            reader.allowed = re.compile("50[0-9]")
            for path in PAGES[:-1]:
                answer = await reader.whole(path)
                assert answer.status >= 500
                assert "key" in (await reader.page.locator("main").inner_text()).lower(), path
