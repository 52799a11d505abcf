"""The reader of these tests notices what it is there for."""

import asyncio
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from browser.reader import PHONE, reading
from playwright.async_api import Browser
from support.processes import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'self'; img-src * data:"
PLAIN = (
    "<!doctype html><html lang=en><title>t</title><meta name=viewport content='width=device-width'>"
)
PAGES = {
    "/right": (PLAIN + "<main><h1>Right</h1>", POLICY),
    "/inline": (PLAIN + "<main><h1>x</h1><script>document.title = 'ran'</script>", POLICY),
    "/attribute": (PLAIN + "<main><h1>x</h1><img src='data:,' onerror='alert(1)'>", POLICY),
    "/dialogue": (PLAIN + "<main><h1>x</h1><script>alert(1)</script>", ""),
    "/exception": (PLAIN + "<main><h1>x</h1><script>nothing.at.all</script>", ""),
    "/abroad": (PLAIN + "<main><h1>x</h1><img alt='' src='http://127.0.0.1:9/x.png'>", POLICY),
    "/wide": (PLAIN + "<main><h1>x</h1><p style='width: 900px'>wide</p>", POLICY),
    "/cut": (
        PLAIN + "<main><h1>x</h1><p style='width: 60px; overflow: hidden; white-space: nowrap'>"
        "a text that does not fit in here",
        POLICY,
    ),
    "/barrier": (PLAIN + "<main><h1>x</h1><input name=q><img src='data:,'>", POLICY),
}


class _Pages(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        text, policy = PAGES.get(self.path, ("", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        if policy:
            self.send_header("Content-Security-Policy", policy)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Pages) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


async def test_what_is_right_is_no_fault(browser: Browser, base: str) -> None:
    """Nothing is told of a page that is in order."""
    async with reading(browser, base, PHONE) as reader:
        await reader.open("/right")
        await reader.settle()
        assert await reader.cut() == []
        assert await reader.barriers() == []


@pytest.mark.parametrize(
    ("path", "fault"),
    [
        ("/inline", "CSP: script-src"),
        ("/attribute", "CSP: script-src"),
        ("/dialogue", "dialogue: 1"),
        ("/exception", "exception: nothing is not defined"),
        ("/abroad", "request to http://127.0.0.1:9/x.png"),
    ],
)
async def test_what_is_wrong_is_a_fault(browser: Browser, base: str, path: str, fault: str) -> None:
    """And fails the test at its end."""
    with pytest.raises(AssertionError, match=re.escape(fault)):  # noqa: PT012 - until it is told
        async with reading(browser, base) as reader:
            await reader.open(path)
            # The browser tells it when it comes to it, which may be after the page is there.
            await asyncio.to_thread(eventually, lambda: reader.faults)


async def test_what_does_not_fit_is_seen(browser: Browser, base: str) -> None:
    """Outside the window, and cut off."""
    async with reading(browser, base, PHONE) as reader:
        await reader.open("/wide")
        assert any("outside" in each or "wide" in each for each in await reader.cut())
        await reader.open("/cut")
        assert [each for each in await reader.cut() if each.startswith("cut: p")]


async def test_barriers_are_seen(browser: Browser, base: str) -> None:
    """A field without a label, a picture without words."""
    async with reading(browser, base) as reader:
        await reader.open("/barrier")
        found = "\n".join(await reader.barriers())
        assert "label" in found
        assert "image-alt" in found
