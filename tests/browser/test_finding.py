"""Finding things: searching as one types, paging, sorting, periods, comparing; by address, too."""

import asyncio
import contextlib
import re
from datetime import date

import pytest
from browser import addresses
from browser.reader import DESKTOP, PHONE, Look, Reader, reading
from browser.sites import Site
from newstally import SyncNewstallyClient
from playwright.async_api import Browser, Error, Route, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def told(reader: Reader) -> str:
    """Return what the page says, without what moves, and sums that are left out in a hurry."""
    await reader.settle()
    text: str = await reader.page.evaluate(
        "() => { const main = document.querySelector('main').cloneNode(true);"
        " main.querySelectorAll('#live, .lead').forEach(each => each.remove());"
        " return main.textContent.replace(/\\s+/g, ' '); }"
    )
    return text


async def assert_state_is_in_the_address(browser: Browser, reader: Reader) -> None:
    """Loaded again, and opened by somebody else, it is the same page."""
    before = await told(reader)
    await reader.page.reload()
    assert await told(reader) == before
    async with reading(browser, reader.base) as colleague:
        await colleague.open(reader.path)
        assert await told(colleague) == before


@pytest.mark.parametrize("look", [PHONE, DESKTOP], ids=lambda look: look.name)
async def test_search_as_one_types(browser: Browser, sample: Site, look: Look) -> None:
    """A few letters of a name, and it can be chosen; entities and publications."""
    async with reading(browser, sample.base, look) as reader:
        await reader.open("/")
        field, found = reader.page.get_by_label("Search names"), reader.page.locator("#suggestions")
        await field.press_sequentially("eleanor w")
        await expect(found.get_by_role("link", name="Eleanor Whitcombe")).to_be_visible()
        assert await reader.cut() == []
        await field.fill("")
        await field.press_sequentially("helio")
        await found.get_by_role("link", name="The Daily Heliograph").click()
        await expect(reader.page.locator("h1")).to_have_text("The Daily Heliograph")


async def test_search_by_keyboard(browser: Browser, sample: Site) -> None:
    """Arrow down and Enter open what is found; Escape closes it; Enter alone shows all."""
    async with reading(browser, sample.base) as reader:
        await reader.open("/")
        field, found = reader.page.get_by_label("Search names"), reader.page.locator("#suggestions")
        await field.press_sequentially("eleanor w")
        await expect(found.get_by_role("link").first).to_be_visible()
        await reader.page.keyboard.press("Escape")
        await expect(found).to_be_hidden()
        await field.press("h")
        await expect(found.get_by_role("link").first).to_be_visible()
        await reader.page.keyboard.press("ArrowDown")
        await reader.page.keyboard.press("Enter")
        await expect(reader.page.locator("h1")).to_have_text("Eleanor Whitcombe")
        await field.fill("ele")
        await field.press("Enter")
        await expect(reader.page).to_have_url(re.compile(r"/search\?.*q=ele"))
        await assert_state_is_in_the_address(browser, reader)


async def test_what_was_closed_stays_closed(browser: Browser, sample: Site) -> None:
    """Escape also gives up what is being looked for: nothing opens under a reader's hands."""
    async with reading(browser, sample.base) as reader:
        await reader.open("/")
        field, found = reader.page.get_by_label("Search names"), reader.page.locator("#suggestions")
        await field.press_sequentially("eleanor")
        await expect(found.get_by_role("link").first).to_be_visible()
        asked, over = asyncio.Event(), asyncio.Event()

        async def hold(route: Route) -> None:
            asked.set()
            await over.wait()
            with contextlib.suppress(Error):  # nobody waits for it any more
                await route.abort()

        await reader.page.route("**/search?*", hold)
        await field.press("x")
        await asked.wait()
        async with reader.page.expect_event("requestfailed") as given_up:
            await reader.page.keyboard.press("Escape")
        assert "/search" in (await given_up.value).url
        await expect(found).to_be_hidden()
        over.set()
        await reader.page.unroute_all(behavior="wait")


async def test_what_takes_the_store_a_while_comes(browser: Browser, sample: Site) -> None:
    """Where names are still being looked for, it is asked again, without another letter."""
    late = '<div id="results"><p class="pending">Searching…</p></div>'
    async with reading(browser, sample.base) as reader:
        await reader.open("/")
        field, found = reader.page.get_by_label("Search names"), reader.page.locator("#suggestions")
        await reader.page.route(
            "**/search?*", lambda route: route.fulfill(body=late, content_type="text/html"), times=1
        )
        await field.fill("eleanor w")
        await expect(found.get_by_role("link", name="Eleanor Whitcombe")).to_be_visible()


async def test_search_on_its_own_page(browser: Browser, sample: Site) -> None:
    """What is found changes with each letter, and the address with it."""
    async with reading(browser, sample.base) as reader:
        await reader.open("/search")
        field, found = reader.page.locator("#q"), reader.page.locator("#results")
        await field.press_sequentially("eleanor")
        await expect(found.get_by_role("link", name="Eleanor Whitcombe")).to_be_visible()
        await expect(reader.page).to_have_url(re.compile("q=eleanor"))
        await field.press_sequentially("xyz")
        await expect(found).to_contain_text("Nothing")
        await expect(reader.page).to_have_url(re.compile("q=eleanorxyz"))
        await assert_state_is_in_the_address(browser, reader)


async def test_sorting_and_paging(browser: Browser, sample: Site) -> None:
    """By a click on a heading, and on; the address says so, and going back works."""
    async with reading(browser, sample.base) as reader:
        await reader.open(addresses.publication("The Daily Heliograph"))
        table = reader.page.locator("#names table")
        await table.get_by_role("link", name="In articles").click()
        await expect(reader.page).to_have_url(re.compile("sort=articles"))
        first = await column(reader)
        assert first == sorted(first, reverse=True)
        await assert_state_is_in_the_address(browser, reader)
        await reader.page.locator("#names").get_by_role("link", name="Next").click()
        await expect(reader.page).to_have_url(re.compile("page=2"))
        second = await column(reader)
        assert second == sorted(second, reverse=True)
        assert first[-1] >= second[0]
        await assert_state_is_in_the_address(browser, reader)
        await reader.page.go_back()
        await expect(reader.page).not_to_have_url(re.compile("page=2"))
        await table.get_by_role("link", name="In articles").click()
        await expect(reader.page).to_have_url(re.compile("order=asc"))
        assert await column(reader) == [1] * len(first)  # the other way round


async def column(reader: Reader) -> list[int]:
    """Return the numbers of the last column of the names, once all of the page is there."""
    await reader.settle()
    cells = await reader.page.locator("#names tbody td:last-child").all_inner_texts()
    return [int(cell.replace(",", "")) for cell in cells]


async def test_one_kind_of_names(browser: Browser, sample: Site) -> None:
    """Chosen by a click, in the table and in the pictures."""
    async with reading(browser, sample.base) as reader:
        await reader.open(addresses.publication("The Daily Heliograph"))
        await reader.page.get_by_role("link", name="Organisation", exact=True).click()
        await expect(reader.page).to_have_url(re.compile("label=ORG"))
        await reader.settle()
        kinds = await reader.page.locator("#names tbody td:nth-child(2)").all_inner_texts()
        assert set(kinds) == {"Organisation"}
        await assert_state_is_in_the_address(browser, reader)


async def test_periods(browser: Browser, sample: Site) -> None:
    """Chosen on one page, and kept on the way to another."""
    async with reading(browser, sample.base) as reader:
        await reader.open(addresses.publication("The Daily Heliograph"))
        everything = await told(reader)
        await reader.page.get_by_role("link", name="7 days").click()
        await expect(reader.page).to_have_url(re.compile("period=7d"))
        assert await told(reader) != everything
        await assert_state_is_in_the_address(browser, reader)
        await reader.page.locator("#names tbody a").first.click()
        await expect(reader.page).to_have_url(re.compile("/entity.*period=7d"))
        await assert_state_is_in_the_address(browser, reader)


async def test_days_of_ones_own(browser: Browser, sample: Site) -> None:
    """Two dates, and what was published on them and in between."""
    async with reading(browser, sample.base) as reader:
        await reader.open(addresses.publication("The Daily Heliograph"))
        await reader.page.get_by_label("From").fill("2026-04-06")
        await reader.page.get_by_label("to", exact=True).fill("2026-04-12")
        await reader.page.get_by_role("button", name="Show").click()
        await expect(reader.page).to_have_url(re.compile("from=2026-04-06.*to=2026-04-12"))
        with SyncNewstallyClient(sample.trio.gateway.address) as client:
            ranking = client.questions.ranking(
                "The Daily Heliograph", since=date(2026, 4, 6), until=date(2026, 4, 12)
            )
        main = reader.page.locator("main")
        await expect(main).to_contain_text(f"{ranking.articles} articles")
        await assert_state_is_in_the_address(browser, reader)


async def test_comparing(browser: Browser, sample: Site) -> None:
    """Two to five on one chart, with a table that says the same."""
    names = sample.names()
    async with reading(browser, sample.base) as reader:
        await reader.open(addresses.compare(names.entities[:2]))
        await assert_state_is_in_the_address(browser, reader)
        await expect(reader.page.locator("main canvas").first).to_be_visible()
        text = (await reader.page.locator("main").inner_text()).lower()
        for name, _ in names.entities[:2]:
            assert name in text


async def test_adding_and_taking_out(browser: Browser, sample: Site) -> None:
    """By the name's beginning, up to five; each by a click."""
    async with reading(browser, sample.base) as reader:
        await reader.open("/compare")
        for name in ("Eleanor Whitcombe", "Owen Tallis"):
            await reader.settle()  # only then do scripts hear what is typed
            await reader.page.locator("#add").press_sequentially(name[:6].lower())
            await reader.page.locator("#candidates").get_by_role("link", name=name).click()
            await expect(reader.page.locator("#chosen")).to_contain_text(name)
        await assert_state_is_in_the_address(browser, reader)
        await reader.page.get_by_role("link", name="Take out Owen Tallis").click()
        await expect(reader.page.locator("#chosen")).not_to_contain_text("Owen Tallis")
