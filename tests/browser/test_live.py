"""An upload as a reader sees it: it appears, moves, and is done, without a touch."""

import asyncio
import re

import pytest
from browser.hostile import PAUSE
from browser.reader import reading
from browser.sites import Site
from newstally import Article
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
ARTICLES = 300
PAUSE_MILLISECONDS = 40


async def test_an_upload_moves(browser: Browser, empty: Site) -> None:
    """From nothing, over at least two numbers in between, to all of them."""
    articles = [
        Article(publication="The Slow Post", content=f"{PAUSE}|{PAUSE_MILLISECONDS}\nORG|Post {n}")
        for n in range(ARTICLES)
    ]
    async with reading(browser, empty.base) as reader:
        await reader.open("/")
        live = reader.page.locator("#live")
        uploading = asyncio.create_task(asyncio.to_thread(empty.upload, articles))
        seen: set[str] = set()
        async with asyncio.timeout(60):
            while len(seen) < 3:
                text = await live.inner_text()
                seen |= {
                    n for n in re.findall(r"\d+", text.replace(",", "")) if 0 < int(n) < ARTICLES
                }
                await asyncio.sleep(0.1)
        await uploading
        await expect(live).to_contain_text(str(ARTICLES))
        await expect(reader.page.locator("main")).to_contain_text("The Slow Post", timeout=30_000)
