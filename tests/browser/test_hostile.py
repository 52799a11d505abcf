"""Names as no editor would write them: they run nothing, break nothing, are read as they are."""

import re
from urllib.parse import quote

import pytest
from browser import addresses
from browser.hostile import HOME, LABELS, MARK, NAMES, SCRIPTS
from browser.reader import DESKTOP, PHONE, Reader, reading
from browser.sites import PUBLICATIONS, Site
from newstally_extractor.counting.normalising import normalise
from newstally_persister.values.keys import publication_name
from playwright.async_api import Browser, expect

pytestmark = pytest.mark.asyncio(loop_scope="session")
LOOKS = (PHONE, DESKTOP)
ENTITIES = [
    (key, LABELS[place % len(LABELS)], name)
    for place, name in enumerate(NAMES)
    if (key := normalise(name))
]

_ADDED = """() => {
  const all = Object.values(Object.getOwnPropertyDescriptors(Object.prototype));
  const functions = all.map(each => each.value).filter(value => typeof value === 'function');
  return [Object.prototype, ...functions].flatMap(each => Object.keys(each));
}"""
"""What a name has added to what all objects of a page have: one such breaks any script."""


async def assert_plain(reader: Reader) -> None:
    """Nothing ran, nothing is cut, and no object has what it should not."""
    await reader.settle()
    assert await reader.page.evaluate(_ADDED) == []
    assert await reader.page.title() != MARK
    made = reader.page.locator("main script:not([type='application/json']), main img[src=x]")
    assert await made.count() == 0
    assert await reader.page.locator("main b, main i, svg[onload]").count() == 0
    assert await reader.cut() == []
    reader.assert_unharmed()


async def test_publications(browser: Browser, hostile: Site) -> None:
    """Each has a page with its name, sign for sign."""
    async with reading(browser, hostile.base, PHONE) as reader:
        for name in NAMES:
            answer = await reader.open(addresses.publication(name))
            assert answer.status == 200, name
            assert publication_name(name) in str(await reader.page.locator("h1").text_content())
            await assert_plain(reader)


async def test_entities(browser: Browser, hostile: Site) -> None:
    """Likewise."""
    async with reading(browser, hostile.base, DESKTOP) as reader:
        for key, label, _ in ENTITIES:
            answer = await reader.open(addresses.entity(key, label))
            assert answer.status == 200, key
            heading = str(await reader.page.locator("h1").text_content())
            assert key in normalise(heading) or key in heading.casefold(), heading
            await assert_plain(reader)


async def test_all_on_one_page(browser: Browser, hostile: Site) -> None:
    """The one that mentions all of them, with pictures; then five of them compared."""
    some = [(key, label) for key, label, _ in ENTITIES[:5]]
    for look in LOOKS:
        async with reading(browser, hostile.base, look) as reader:
            for path in (
                addresses.publication(HOME),
                addresses.publication(HOME, label=LABELS[4]),
                addresses.publication(HOME, page="2"),
                addresses.compare(some),
                addresses.compare_publications([HOME, *SCRIPTS[:3]]),
                "/",
            ):
                await reader.open(path)
                await assert_plain(reader)
                for picture in await reader.page.locator("canvas").all():
                    await picture.scroll_into_view_if_needed()
                    box = await picture.bounding_box()
                    assert box is not None
                    for part in (0.25, 0.5, 0.75):
                        await reader.page.mouse.move(
                            box["x"] + box["width"] * part, box["y"] + box["height"] / 2
                        )
                    await assert_plain(reader)


async def test_one_name_with_two_labels(browser: Browser, hostile: Site) -> None:
    """Compared, the two lines are told apart, in the picture and in the table."""
    both = [(normalise(NAMES[5]), label) for label in LABELS[4:6]]
    async with reading(browser, hostile.base) as reader:
        await reader.whole(addresses.compare(both))
        await assert_plain(reader)
        table = reader.page.locator("#together table")
        heads = await table.locator("thead th").all_text_contents()
        drawn = await reader.page.evaluate(
            "JSON.parse(document.querySelector('#together script').textContent)"
            ".series.map(each => each.name)"
        )
        assert len(set(drawn)) == len(set(heads[1:])) == 2


async def test_very_many_publications(browser: Browser, hostile: Site) -> None:
    """All can be reached by paging, and the last page ends it."""
    async with reading(browser, hostile.base) as reader:
        await reader.whole("/?sort=name")
        text = await reader.page.locator("main").inner_text()
        assert re.search(rf"\b{PUBLICATIONS:,}\b", text), text[:500]
        last = reader.page.get_by_role("link", name=re.compile("last", re.IGNORECASE)).first
        await last.click()
        await expect(reader.page).to_have_url(re.compile("page="))
        await assert_plain(reader)
        rows = reader.page.locator("main table tbody tr")
        assert 1 <= await rows.count() <= 200
        following = reader.page.get_by_role("link", name=re.compile("next", re.IGNORECASE))
        assert await following.count() == 0


@pytest.mark.parametrize("typed", ["<script", "=1", "مؤسسة", "'-al", '"><img', "长", "👩"])
async def test_search(browser: Browser, hostile: Site, typed: str) -> None:
    """What is typed is looked for, and shown as it was typed."""
    async with reading(browser, hostile.base) as reader:
        await reader.open(addresses.search(typed))
        await assert_plain(reader)
        field = reader.page.locator("main input[name=q], input[name=q]").first
        assert await field.input_value() == typed


WRONG = (
    ("page", "-1"),
    ("page", "9" * 40),
    ("page", "1e9"),
    ("sort", SCRIPTS[0]),
    ("order", SCRIPTS[1]),
    ("period", SCRIPTS[1]),
    ("from", "0000-99-99"),
    ("label", SCRIPTS[0]),
    ("name", "\x00"),
    ("unknown", SCRIPTS[3]),
)
ODD = (
    "/compare?entity=x",
    "/compare?entity=:",
    "/compare?" + "&".join(["entity=A:b"] * 50),
    "/search?q=" + "a" * 5_000,
    "/search?q=%ff%fe",
    "/publication",
    "/entity",
    "/%2e%2e/etc",
)


async def test_addresses_that_nobody_made(browser: Browser, hostile: Site) -> None:
    """They are answered in words: never with 500, and nothing of them runs."""
    paths = [
        f"{page}{field}={quote(value)}"
        for page in ("/?", "/publication?name=Hostile+Herald&", "/entity?text=zorba&label=ORG&")
        for field, value in WRONG
    ]
    async with reading(browser, hostile.base) as reader:
        reader.allowed = re.compile("Failed to load resource.*40[0-9]|414")
        for path in (*paths, *ODD):
            answer = await reader.open(path)
            assert answer.status < 500, (path, await answer.text())
            await assert_plain(reader)
