"""A dashboard process, asked over HTTP as a browser asks; and a store that it shows."""

import gzip
import http.client
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from html.parser import HTMLParser
from pathlib import Path

from support.processes import Process, eventually
from unit.persister.building import Article
from unit.persister.calling import Caller, persister

NOWHERE = "127.0.0.1:9"
"""Where no extractor is: what is shown was recorded without one."""
SECONDS = 60.0


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Message
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()

    @property
    def seen(self) -> str:
        """What a reader sees of a page, in one line."""
        reader = _Reader()
        reader.feed(self.text)
        return re.sub(r"\s+", " ", " ".join(reader.found))

    @property
    def attributes(self) -> list[tuple[str, str, str]]:
        """All attributes of a page: tag, name, value."""
        reader = _Reader()
        reader.feed(self.text)
        return reader.attributes

    def table(self, heading: str) -> list[list[str]]:
        """Return the rows of the table in the section with this heading, the names above them."""
        begin = self.text.index(f">{heading}</h2>")
        markup = self.text[begin : self.text.index("</table>", begin)]
        rows = re.findall(r"<tr>(.*?)</tr>", markup, re.DOTALL)
        return [[_plain(cell) for cell in re.split(r"</t[hd]>", row)[:-1]] for row in rows]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        self._hidden += tag in ("script", "style", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.found.append(data)


def _plain(markup: str) -> str:
    reader = _Reader()
    reader.feed(markup)
    return re.sub(r"\s+", " ", "".join(reader.found)).strip(" ↓↑")


def ask(
    dashboard: Process,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Ask for a path."""
    connection = http.client.HTTPConnection("127.0.0.1", dashboard.port, timeout=SECONDS)
    try:
        connection.request(method, path, headers=dict(headers or {}))
        answer = connection.getresponse()
        body = answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        return Answer(answer.status, answer.headers, body)
    finally:
        connection.close()


class Shown:
    """Persister, gateway and dashboard; what they show is recorded straight into the persister."""

    def __init__(
        self,
        directory: Path,
        dashboard_flags: Sequence[str] = (),
        gateway_flags: Sequence[str] = (),
        persister_flags: Sequence[str] = ("--flush-age", "0.01"),
    ) -> None:
        """Data and logs go below `directory`."""
        self.persister = persister(directory, *persister_flags)
        self.gateway = Process("newstally_gateway", [], directory / "gateway.log")
        self.dashboard = Process("newstally_dashboard", [], directory / "dashboard.log")
        self._gateway_flags = gateway_flags
        self._dashboard_flags = dashboard_flags

    def __enter__(self) -> "Shown":
        self.persister.start()
        self.start_gateway()
        self.dashboard.arguments = ["--gateway", self.gateway.address, *self._dashboard_flags]
        self.dashboard.start()
        return self

    def start_gateway(self) -> None:
        """Start it, on the same port if it ran before."""
        self.gateway.arguments = [
            *("--persister", self.persister.address, "--extractors", NOWHERE),
            *self._gateway_flags,
        ]
        self.gateway.start()

    def __exit__(self, *_: object) -> None:
        for process in (self.dashboard, self.gateway, self.persister):
            process.kill()

    def record(self, upload_id: str, articles: Sequence[Article]) -> None:
        """Have articles counted, and wait until their tallies can be read."""
        with Caller(self.persister.address) as caller:
            caller.create(upload_id)
            caller.record(upload_id, 0, articles)
            caller.until_applied(upload_id)

    def get(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Ask the dashboard; of headers `_` stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(self.dashboard, path, method, named)

    def whole(self, path: str, *seen: str) -> Answer:
        """Ask until all parts of a page have come, as its script does, and these are `seen`."""
        found: list[Answer] = []

        def come() -> bool:
            page = self.get(path)
            found[:] = [page]
            pending = page.status == 200 and 'class="pending"' in page.text
            return not pending and all(each in page.seen for each in seen)

        eventually(come, what=f"all of {path} {seen}")
        return found[0]
