"""Debian's chromium, driven by Playwright. It asks nobody but whom it is sent to."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, async_playwright

VARIABLE = "CHROMIUM"
"""Environment variable: the program to run, where it is not on the PATH."""
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-quic",
)


def program() -> str | None:
    """Return where chromium is, or None."""
    return os.environ.get(VARIABLE) or shutil.which("chromium")


def missing() -> str | None:
    """Return why no page can be looked at here, and what to do."""
    if program() is None:
        return f"no chromium: apt-get install chromium, or say in {VARIABLE} where it is"
    return None


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Run a browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=program(), args=list(ARGUMENTS), headless=True
        )
        try:
            yield browser
        finally:
            await browser.close()
