"""An upload as a reader sees it: it appears, moves, and is done, without a touch."""

import asyncio
import re
import time
from collections.abc import Iterator

import pytest
from browser.reader import reading
from browser.sites import Site
from newstally import Article
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
ARTICLES = 300
STEP = 100
BETWEEN = {"100", "200"}
PATIENCE_SECONDS = 120.0


async def test_an_upload_moves(browser: Browser, empty: Site) -> None:
    """From nothing, over two numbers in between, to all of them."""
    seen: set[str] = set()

    def articles() -> Iterator[Article]:
        """What comes next waits until the reader has seen that something came."""
        until = time.monotonic() + PATIENCE_SECONDS
        for number in range(ARTICLES):
            while number % STEP == 0 and len(seen) < number // STEP and time.monotonic() < until:
                time.sleep(0.05)
            yield Article(publication="The Slow Post", content=f"ORG|Post {number}")

    async with reading(browser, empty.base) as reader:
        await reader.open("/")
        live = reader.page.locator("#live")
        uploading = asyncio.create_task(asyncio.to_thread(empty.upload, articles()))
        async with asyncio.timeout(PATIENCE_SECONDS):
            while seen != BETWEEN:
                seen |= BETWEEN.intersection(re.findall(r"\b\d+\b", await live.inner_text()))
                await asyncio.sleep(0.1)
        await uploading
        await expect(live).to_contain_text(str(ARTICLES))
        await expect(reader.page.locator("main")).to_contain_text("The Slow Post")
