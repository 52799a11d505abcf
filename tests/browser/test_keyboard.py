"""With a keyboard alone."""

import pytest
from browser import addresses
from browser.reader import DESKTOP, DESKTOP_AT_NIGHT, Look, reading
from browser.sites import Site
from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")
_FOCUSED = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element), box = element.getBoundingClientRect();
  return {
    name: element.tagName + ' ' + (element.innerText || element.name || element.id || '').trim(),
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    marked: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1)
      || style.boxShadow !== 'none',
  };
}"""


@pytest.mark.parametrize("look", [DESKTOP, DESKTOP_AT_NIGHT], ids=lambda look: look.name)
async def test_one_sees_where_one_is(browser: Browser, sample: Site, look: Look) -> None:
    """Tab goes through a page in order; what has the focus is in the window, and marked."""
    async with reading(browser, sample.base, look) as reader:
        for path in ("/", addresses.publication("The Daily Heliograph"), "/status"):
            await reader.open(path)
            await reader.settle()
            names = []
            for _ in range(40):
                await reader.page.keyboard.press("Tab")
                focused = await reader.page.evaluate(_FOCUSED)
                if focused is None:
                    break
                assert focused["seen"], (path, focused)
                assert focused["marked"], (path, focused)
                names.append(focused["name"])
            assert len(names) >= 5, names


async def test_one_gets_past_the_head_of_the_page(browser: Browser, sample: Site) -> None:
    """The first thing that Tab reaches leads to what the page is about."""
    async with reading(browser, sample.base) as reader:
        await reader.open("/")
        await reader.page.keyboard.press("Tab")
        await reader.page.keyboard.press("Enter")
        inside = await reader.page.evaluate(
            "() => location.hash && document.querySelector('main')"
            ".contains(document.querySelector(location.hash)) ||"
            " document.querySelector(location.hash) === document.querySelector('main')"
        )
        assert inside
