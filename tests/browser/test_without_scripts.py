"""Without scripts: everything that is words and numbers is there, and leads on."""

import pytest
from browser import addresses
from browser.reader import DESKTOP, PHONE, Look, reading
from browser.sites import Site
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.parametrize("look", [PHONE, DESKTOP], ids=lambda look: look.name)
async def test_every_page_is_readable(browser: Browser, filled: Site, look: Look) -> None:
    """Tables and texts are in the page as served."""
    names = filled.names()
    async with reading(browser, filled.base, look, scripts=False) as reader:
        for name, path in addresses.every_page(names).items():
            await reader.whole(path)
            main = reader.page.locator("main")
            text = (await main.inner_text()).lower()
            if name.startswith(("publication", "entity", "compare")):
                assert await main.locator("table tbody tr").count() >= 1, name
            if name == "overview":
                assert names.publications[0].lower() in text
            # An empty box where a picture would be tells nobody anything.
            assert await main.locator(".chart:visible").count() == 0, name


async def test_one_can_search_and_go_on(browser: Browser, sample: Site) -> None:
    """The field for searching sends itself, and links lead from list to page."""
    async with reading(browser, sample.base, scripts=False) as reader:
        await reader.open("/")
        field = reader.page.locator("input[name=q]").first
        await field.fill("eleanor w")
        await field.press("Enter")
        await expect(reader.page.locator("main")).to_contain_text("Eleanor Whitcombe")
        await reader.page.locator("main a", has_text="Eleanor Whitcombe").first.click()
        await expect(reader.page.locator("h1")).to_contain_text("Eleanor Whitcombe")
        await reader.page.locator("main a", has_text="Heliograph").first.click()
        await expect(reader.page.locator("h1")).to_contain_text("The Daily Heliograph")
