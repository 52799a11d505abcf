"""An upload as a reader sees it: it appears, moves, and is done, without a touch."""

import asyncio
import re
import threading
from collections.abc import Iterator

import pytest
from browser.reader import reading
from browser.sites import Site
from newstally import Article
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
ARTICLES = 300
STEP = 100
PATIENCE_SECONDS = 120.0


async def test_an_upload_moves(browser: Browser, empty: Site) -> None:
    """From nothing, over two numbers in between, to all of them."""
    was_seen = threading.Semaphore(0)

    def articles() -> Iterator[Article]:
        """What comes next waits until the reader has seen that something came."""
        for number in range(ARTICLES):
            if number % STEP == 0 and number:
                assert was_seen.acquire(timeout=PATIENCE_SECONDS)
            yield Article(publication="The Slow Post", content=f"ORG|Post {number}")

    async with reading(browser, empty.base) as reader:
        await reader.open("/")
        live = reader.page.locator("#live")
        uploading = asyncio.create_task(asyncio.to_thread(empty.upload, articles()))
        for number in range(STEP, ARTICLES, STEP):
            await expect(live).to_contain_text(re.compile(rf"\b{number}\b"))
            was_seen.release()
        await uploading
        await expect(live).to_contain_text(str(ARTICLES))
        await expect(reader.page.locator("main")).to_contain_text("The Slow Post")
