"""What is downloaded is what is counted."""

import csv
import io

import httpx
import pytest
from browser import addresses
from browser.hostile import FORMULAS, HOME
from browser.reader import reading
from browser.sites import Site
from newstally import SyncNewstallyClient
from playwright.async_api import Browser

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_publication_as_csv(browser: Browser, sample: Site) -> None:
    """By a click: a row for each entity, with the numbers of the store."""
    name = "The Daily Heliograph"
    async with reading(browser, sample.base) as reader:
        await reader.open(addresses.publication(name))
        async with reader.page.expect_download() as downloading:
            await reader.page.get_by_role("link", name="CSV").first.click()
        download = await downloading.value
        assert download.suggested_filename.endswith(".csv")
        content = (await download.path()).read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content)))
    with SyncNewstallyClient(sample.trio.gateway.address) as client:
        counted = {
            (tally.text, tally.label): (tally.mentions, tally.articles)
            for tally in client.entity_tallies(name)
        }
    assert {
        (row["text"], row["label"]): (int(row["mentions"]), int(row["articles"])) for row in rows
    } == counted


async def test_no_cell_is_a_formula(hostile: Site) -> None:
    """A spreadsheet that opens the file computes nothing."""
    async with httpx.AsyncClient(timeout=60) as client:
        path = addresses.publication(HOME).replace("/publication", "/publication.csv", 1)
        answer = await client.get(hostile.base + path)
    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    cells = [cell for row in csv.reader(io.StringIO(answer.text.lstrip("\ufeff"))) for cell in row]
    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
    assert any(formula.strip("+-@").casefold() in cell for formula in FORMULAS for cell in cells)
