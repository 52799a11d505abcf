"""A person at a browser, to whom nothing wrong may happen: that is found out on every page.

A dialogue, an error in the console, a violation of the content security policy, a script's
exception, and a request to anybody but the dashboard are each a fault.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from playwright.async_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Page,
    Request,
    Response,
    expect,
)

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
WAIT_MILLISECONDS = 60_000
"""The machine may be busy: what has not come by then does not come."""
expect.set_options(timeout=WAIT_MILLISECONDS)  # five seconds by default
PENDING = 'class="pending"'
"""What a page as served has where a part did not come in time."""
SERIOUS = ("serious", "critical")
_VIOLATION = (
    "document.addEventListener('securitypolicyviolation', violation =>"
    " console.error('CSP: ' + violation.violatedDirective + ' ' + violation.blockedURI))"
)
_CUT = """() => {
  const wide = document.documentElement.clientWidth;
  const told = element => element.tagName.toLowerCase() + (element.id ? '#' + element.id : '') +
    '.' + String(element.className && element.className.baseVal === undefined
      ? element.className : '').replaceAll(' ', '.') +
    ' "' + (element.innerText || '').slice(0, 40) + '"';
  const scrolling = new Map([[null, false]]);
  const scrolls = element => {
    if (!scrolling.has(element)) {
      const style = getComputedStyle(element);
      scrolling.set(element,
        /auto|scroll/.test(style.overflowX) && element.clientWidth < element.scrollWidth ||
        style.clipPath !== 'none' || style.position === 'fixed' || element.tagName === 'svg' ||
        scrolls(element.parentElement));
    }
    return scrolling.get(element);
  };
  const found = [];
  const skip = document.querySelector('a.skip');
  if (document.scrollingElement.scrollWidth > wide)
    found.push('the page is ' + document.scrollingElement.scrollWidth + ' wide, of ' + wide);
  for (const element of document.body.querySelectorAll('*')) {
    const box = element.getBoundingClientRect();
    if (!box.width || !box.height || box.width === 1 || element === skip) continue;
    if (scrolls(element)) continue;
    if (box.right > wide + 1 || box.left < -1) found.push('outside: ' + told(element));
    const style = getComputedStyle(element);
    if (/hidden|clip/.test(style.overflowX) && style.textOverflow !== 'ellipsis' &&
        element.scrollWidth > element.clientWidth + 2 && element.innerText)
      found.push('cut: ' + told(element));
  }
  return [...new Set(found)].slice(0, 10);
}"""


@dataclass(frozen=True)
class Look:
    """With what somebody looks."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"] = "light"
    phone: bool = False


PHONE, PHONE_AT_NIGHT = (
    Look("phone", 360, 740, phone=True),
    Look("phone-dark", 360, 740, "dark", phone=True),
)
DESKTOP, DESKTOP_AT_NIGHT = Look("desktop", 1280, 800), Look("desktop-dark", 1280, 800, "dark")
WIDE = Look("wide", 1920, 1080)
LOOKS = (PHONE, PHONE_AT_NIGHT, DESKTOP, DESKTOP_AT_NIGHT)


@dataclass
class Reader:
    """One page of a browser, at one dashboard."""

    page: Page
    base: str
    faults: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Paths of all requests."""
    allowed: re.Pattern[str] = re.compile(r"(?!)")
    """Faults that are meant: set it before they come."""

    async def open(self, path: str) -> Response:
        """Go to an address of the dashboard; return its answer."""
        answer = await self.page.goto(self.base + path, wait_until="load")
        assert answer is not None
        return answer

    async def whole(self, path: str) -> Response:
        """Likewise, until all of it came in time: as it is served, not as scripts complete it."""
        async with asyncio.timeout(WAIT_MILLISECONDS / 1_000):
            while PENDING in await (answer := await self.open(path)).text():
                pass
        return answer

    async def settle(self) -> None:
        """Wait until pictures are drawn and parts have come."""
        await self.page.wait_for_function(
            "() => document.readyState === 'complete' && !document.querySelector('main .pending')"
        )
        await self.page.evaluate("() => new Promise(done => requestAnimationFrame(() => done()))")

    @property
    def path(self) -> str:
        """What the address bar shows, behind the host."""
        parts = urlsplit(self.page.url)
        return parts.path + (f"?{parts.query}" if parts.query else "")

    async def cut(self) -> list[str]:
        """Return what is cut off or outside the window."""
        found: list[str] = await self.page.evaluate(_CUT)
        return found

    async def barriers(self) -> list[str]:
        """Return what axe finds serious or critical."""
        await self.page.evaluate(AXE)
        result: dict[str, Any] = await self.page.evaluate(
            "() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice']})"
        )
        return [
            f"{each['id']} ({each['impact']}): {node['html'][:200]} {node['failureSummary']}"
            for each in result["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"][:3]
        ]

    def assert_unharmed(self) -> None:
        """Fail if anything wrong happened so far."""
        if faults := [fault for fault in self.faults if not self.allowed.search(fault)]:
            raise AssertionError("\n".join(faults))

    def _listen(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"exception: {error}"))
        self.page.on("dialog", self._dialog)
        self.page.context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning", "assert"):
            where = message.location.get("url", "")
            self.faults.append(f"console {message.type}: {message.text} ({where})")

    async def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialogue: {dialog.message}")
        await dialog.dismiss()

    def _request(self, request: Request) -> None:
        if request.url.startswith(self.base + "/"):
            self.asked.append(request.url.removeprefix(self.base))
        elif not request.url.startswith(("data:", "blob:")):
            self.faults.append(f"request to {request.url}")


@asynccontextmanager
async def reading(
    browser: Browser,
    base: str,
    look: Look = DESKTOP,
    *,
    scripts: bool = True,
    headers: Mapping[str, str] | None = None,
) -> AsyncIterator[Reader]:
    """Give a reader of `base` (`http://host:port`); fail at the end if anything wrong happened."""
    context = await browser.new_context(
        viewport={"width": look.width, "height": look.height},
        color_scheme=look.scheme,
        is_mobile=look.phone,
        has_touch=look.phone,
        java_script_enabled=scripts,
        reduced_motion="reduce",
        locale="en-GB",
        extra_http_headers=dict(headers or {}),
        accept_downloads=True,
    )
    try:
        context.set_default_timeout(WAIT_MILLISECONDS)
        await context.add_init_script(_VIOLATION)
        reader = Reader(await context.new_page(), base)
        reader._listen()
        yield reader
        reader.assert_unharmed()
    finally:
        await context.close()
