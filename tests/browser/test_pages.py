"""Every page, with what it may be looked at: nothing is cut, nothing stands in anybody's way."""

import os
import re
from pathlib import Path

import pytest
from browser import addresses
from browser.reader import (
    DESKTOP,
    DESKTOP_AT_NIGHT,
    LOOKS,
    PHONE,
    PHONE_AT_NIGHT,
    WIDE,
    Look,
    reading,
)
from browser.sites import ALL, Site
from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOOKED = (*LOOKS, WIDE) if ALL else (PHONE, DESKTOP_AT_NIGHT)
AXED = (DESKTOP, PHONE_AT_NIGHT)
PICTURES = os.environ.get("NEWSTALLY_PICTURES")
"""Where pictures of all pages go, for whoever wants to look at them."""


async def test_every_page_fits_into_the_window(browser: Browser, filled: Site) -> None:
    """On a phone and on a wide screen nothing is cut or outside, by day and by night."""
    faults = {}
    pages = addresses.every_page(filled.names())
    for look in LOOKED:
        async with reading(browser, filled.base, look) as reader:
            for name, path in pages.items():
                answer = await reader.open(path)
                assert answer.status == 200, path
                await reader.settle()
                if PICTURES:
                    target = Path(PICTURES, f"{name}-{look.name}.png")
                    await reader.page.screenshot(path=target, full_page=True)
                if found := await reader.cut():
                    faults[name, look.name] = found
    assert faults == {}


@pytest.mark.parametrize("look", AXED, ids=lambda look: look.name)
async def test_nothing_stands_in_the_way(browser: Browser, filled: Site, look: Look) -> None:
    """Axe finds nothing serious, with a mouse by day and on a phone at night."""
    faults = {}
    pages = list((addresses.every_page(filled.names()) | addresses.NOT_THERE).items())
    if not ALL:  # each page in one of both: they share their colours and their parts
        pages = pages[AXED.index(look) :: len(AXED)]
    async with reading(browser, filled.base, look) as reader:
        reader.allowed = re.compile("404")
        for name, path in pages:
            await reader.open(path)
            await reader.settle()
            if found := await reader.barriers():
                faults[name] = found
    assert faults == {}


async def test_each_page_has_a_title_and_one_heading(browser: Browser, filled: Site) -> None:
    """Tabs and screen readers tell pages apart."""
    titles = set()
    pages = addresses.every_page(filled.names())
    async with reading(browser, filled.base) as reader:
        for path in pages.values():
            await reader.open(path)
            titles.add(await reader.page.title())
            assert await reader.page.locator("h1").count() == 1, path
            assert await reader.page.locator("main").count() == 1, path
            assert await reader.page.locator("html[lang]").count() == 1, path
    assert len(titles) >= len(pages) - 3, (
        titles
    )  # with another period a page may be called the same


@pytest.mark.parametrize("path", addresses.NOT_THERE.values(), ids=addresses.NOT_THERE)
async def test_what_is_not_there_leads_on(browser: Browser, filled: Site, path: str) -> None:
    """404, in words, with a way to go on."""
    async with reading(browser, filled.base, DESKTOP_AT_NIGHT) as reader:
        reader.allowed = re.compile("404")
        answer = await reader.whole(path)
        assert answer.status == 404
        assert await reader.page.locator("main a[href]").count() >= 1
        assert await reader.cut() == []


async def test_no_articles_yet(browser: Browser, empty: Site) -> None:
    """The overview of an empty store shows the command that fills it."""
    async with reading(browser, empty.base) as reader:
        answer = await reader.open("/")
        assert answer.status == 200
        await reader.settle()
        assert "newstally upload" in await reader.page.locator("main").inner_text()
        assert await reader.barriers() == []
        assert await reader.cut() == []
