"""Pictures of the dashboard for the README and docs/, from the sample: `make pictures`.

python -m browser.pictures FOLDER
"""

import asyncio
import base64
import sys
import tempfile
from pathlib import Path

from browser import addresses, chromium, sites
from browser.reader import DESKTOP, DESKTOP_AT_NIGHT, PHONE, Look, reading
from playwright.async_api import Browser

QUALITY = 75
LARGEST_BYTES = 150_000
HERALD = "The Daily Heliograph"
COMPARED = [("eleanor whitcombe", "PERSON"), ("owen tallis", "PERSON")]
PICTURES: dict[str, tuple[str, Look]] = {
    "overview": ("/", DESKTOP),
    "publication-dark": (addresses.publication(HERALD), DESKTOP_AT_NIGHT),
    "compare": (addresses.compare(COMPARED), DESKTOP),
    "phone": (addresses.entity(*COMPARED[0]), PHONE),
}


async def take(browser: Browser, base: str, path: str, look: Look) -> bytes:
    """Return what the window shows, as WebP."""
    async with reading(browser, base, look) as reader:
        answer = await reader.open(path)
        assert answer.ok, path
        await reader.settle()
        session = await reader.page.context.new_cdp_session(reader.page)
        wanted = {"format": "webp", "quality": QUALITY}
        taken = await session.send("Page.captureScreenshot", wanted)
        return base64.b64decode(taken["data"])


async def take_all(base: str, folder: Path) -> None:
    """Write a file for each."""
    async with chromium.launched() as browser:
        for name, (path, look) in PICTURES.items():
            picture = await take(browser, base, path, look)
            assert len(picture) <= LARGEST_BYTES, f"{name}: {len(picture)} bytes"
            (folder / f"{name}.webp").write_bytes(picture)
            print(f"{folder / name}.webp: {len(picture):,} bytes")


def main() -> int:
    """Start the services, count the sample, take the pictures."""
    if (why := chromium.missing()) is not None:
        print(why, file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="newstally-pictures-") as scratch,
        sites.site(Path(scratch, "site"), sites.sample()) as made,
    ):
        folder = Path(sys.argv[1])
        folder.mkdir(parents=True, exist_ok=True)
        asyncio.run(take_all(made.base, folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
