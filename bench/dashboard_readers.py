"""Readers of the dashboard as a server sees them: pages, and what pages load by themselves."""

import asyncio
import gzip
import http.client
import random
import re
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from urllib.parse import quote, urljoin, urlsplit

from dashboard_store import LABELS, PUBLICATIONS, text_of

EVERY_SECONDS = 5.0
"""From a reader's page to the next."""
PATIENCE_SECONDS = 30.0
ASSET = re.compile(r'(?:href|src)="(/static/[^"]+)"')
LATER = re.compile(r'data-source="([^"]+)"')
"""Sections that a page loads again by itself."""


class Told(StrEnum):
    """What is measured apart."""

    PAGE = "pages"
    PART = "parts of pages"
    FILE = "files"


@dataclass
class Visits:
    """What readers asked for, and how long it took."""

    seconds: dict[tuple[Told, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    unchanged: int = 0
    """Answers of 304."""
    failed: int = 0
    why: Counter[str] = field(default_factory=Counter)
    """How often what failed, and with which status."""

    def add(self, other: "Visits") -> None:
        """Take in what others saw."""
        for key, some in other.seconds.items():
            self.seconds[key] += some
        self.unchanged += other.unchanged
        self.failed += other.failed
        self.why += other.why

    def times(self, told: Told) -> list[float]:
        """Return all times of a kind."""
        return [each for (kind, _), some in self.seconds.items() if kind is told for each in some]

    def table(self) -> str:
        """Return a line per path."""
        lines = []
        for (kind, path), some in sorted(self.seconds.items()):
            some.sort()
            middle, late = some[len(some) // 2], some[int(len(some) * 0.95)]
            lines.append(
                f"{kind:15} {path:20} {len(some):6} p50={1000 * middle:.0f} ms"
                f" p95={1000 * late:.0f} ms max={1000 * some[-1]:.0f} ms"
            )
        return "\n".join(lines)

    def __str__(self) -> str:
        pages = sorted(self.times(Told.PAGE))
        if not pages:
            return ""
        late = pages[int(len(pages) * 0.95)]
        return (
            f"{len(pages)} pages, p95 {1000 * late:.0f} ms,"
            f" {self.unchanged} unchanged, {self.failed} failed {dict(self.why) or ''}"
        )


def addresses(source: random.Random) -> str:
    """Return the address of a page, of a mix: the popular ones more often."""
    paper = quote(f"Paper {source.randrange(1, PUBLICATIONS + 1)}")
    rank = source.randrange(1, 200)
    entity = f"text={quote(text_of(rank).lower())}&label={LABELS[rank % 4]}"
    beside = f"text={quote(text_of(rank + 4).lower())}&label={LABELS[rank % 4]}"
    days = source.choice(("", "&period=7d", "&period=30d", "&period=90d"))
    first, second = (each.replace("text=", "").partition("&label=") for each in (entity, beside))
    compared = "&".join(f"entity={quote(label)}:{text}" for text, _, label in (first, second))
    return source.choices(
        (
            f"/?{days.lstrip('&')}",
            f"/publication?name={paper}{days}",
            f"/publication?name={paper}{days}&page=2&sort=articles",
            f"/entity?{entity}{days}",
            f"/compare?{compared}{days}",
            f"/search?q={text_of(rank)[:3].lower()}",
            "/status",
        ),
        (30, 25, 10, 15, 8, 10, 2),
    )[0]


def _connection(base: str) -> http.client.HTTPConnection:
    """Return what costs little: 50 readers share two cores with what is measured."""
    return http.client.HTTPConnection(urlsplit(base).netloc, timeout=PATIENCE_SECONDS)


def _get(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> tuple[http.client.HTTPResponse, bytes]:
    """Return an answer, and its body as it came. Raises OSError and HTTPException."""
    connection.request("GET", path, headers={"Accept-Encoding": "gzip", **headers})
    answer = connection.getresponse()
    return answer, answer.read()


def first_page(base: str) -> float:
    """Return the seconds until the overview has come as a whole."""
    connection = _connection(base)
    began = time.perf_counter()
    answer, _ = _get(connection, "/", {})
    took = time.perf_counter() - began
    connection.close()
    if answer.status != HTTPStatus.OK:
        raise RuntimeError(f"the first page: {answer.status}")
    return took


async def crowd(base: str, readers: int, seconds: float, visits: Visits) -> None:
    """Let readers read for so long."""
    end = time.monotonic() + seconds
    with ThreadPoolExecutor(max(1, readers)) as threads:
        asyncio.get_running_loop().set_default_executor(threads)
        async with asyncio.TaskGroup() as group:
            for number in range(readers):
                first = number * EVERY_SECONDS / readers
                group.create_task(_read(base, number, first, end, visits))
    await asyncio.sleep(max(0.0, end - time.monotonic()))


async def _read(base: str, number: int, first: float, end: float, visits: Visits) -> None:
    source = random.Random(number)
    keeps: dict[str, str] | None = {} if number % 2 else None
    files: set[str] = set()
    connection = _connection(base)
    await asyncio.sleep(first)
    while time.monotonic() < end:
        began = time.monotonic()
        path = addresses(source)
        text = await _ask(connection, Told.PAGE, path, keeps, visits)
        for asset in set(ASSET.findall(text)) - files:
            files.add(asset)
            await _ask(connection, Told.FILE, asset, None, visits)
        for later in LATER.findall(text):
            await _ask(connection, Told.PART, urljoin(path, later), keeps, visits)
        await asyncio.sleep(max(0.0, began + EVERY_SECONDS - time.monotonic()))
    connection.close()


async def _ask(
    connection: http.client.HTTPConnection,
    told: Told,
    path: str,
    keeps: dict[str, str] | None,
    visits: Visits,
) -> str:
    headers = {"If-None-Match": keeps[path]} if keeps and path in keeps else {}
    began = time.perf_counter()
    try:
        answer, body = await asyncio.to_thread(_get, connection, path, headers)
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        visits.failed += 1
        visits.why[type(error).__name__] += 1
        return ""
    name = path.partition("?")[0]
    visits.seconds[told, "/static" if told is Told.FILE else name].append(
        time.perf_counter() - began
    )
    visits.unchanged += answer.status == HTTPStatus.NOT_MODIFIED
    if answer.status not in (HTTPStatus.OK, HTTPStatus.NOT_MODIFIED):
        visits.failed += 1
        visits.why[f"{answer.status} {name}"] += 1
    if keeps is not None and (tag := answer.headers["ETag"]):
        keeps[path] = tag
    if told is not Told.PAGE:
        return ""
    return (gzip.decompress(body) if answer.headers["Content-Encoding"] else body).decode()
