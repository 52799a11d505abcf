"""Dashboards with something behind them: the services as real processes, filled by real uploads."""

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from browser import hostile
from newstally import Access, Article, SyncNewstallyClient
from newstally.certificates.folder import write
from newstally.keys import make_key
from support import firestore_emulator
from support.certificates import secure
from support.dashboard import DashboardProcess, dashboard_process
from support.processes import REPOSITORY, eventually
from support.trio import Trio

ALL = os.environ.get("NEWSTALLY_BROWSER") == "all"
"""`make test-browser`: more articles, Firestore, keys and TLS, more looks."""
SAMPLE = REPOSITORY / "sample" / "articles.jsonl"
SHARED = REPOSITORY.parent / "shared" / "articles" / "articles.jsonl.gz"
NAMED = ("--engine", "browser.hostile:named")
PUBLICATIONS = 10_000
APPLIED_SECONDS = 120.0
PATIENT = ("--call-timeout", "60", "--max-waiting", "1000")
"""A dashboard that gives up no question because the machine is busy."""
SETTLED = (*PATIENT, "--cache-seconds", "60")
"""One of what does not change any more: it need not ask again and again, which takes its time."""


@dataclass(frozen=True)
class Site:
    """A dashboard, and what it asks."""

    trio: Trio
    dashboard: DashboardProcess
    access: Access | None = None

    @property
    def base(self) -> str:
        return self.dashboard.base

    def upload(self, articles: Iterable[Article]) -> None:
        """Have them counted; return when they are in the sink."""
        with SyncNewstallyClient(self.trio.gateway.address, access=self.access) as client:
            summary = client.upload(articles)
            assert summary.refused == 0, summary.refusals
            upload_id = summary.upload_id

            def applied() -> bool:
                upload = client.get_upload(upload_id)
                return upload.applied_offset == upload.next_offset

            eventually(applied, APPLIED_SECONDS)

    def upload_file(self, path: Path) -> None:
        """Likewise, with the command line."""
        command = [sys.executable, "-m", "newstally", "upload", str(path), "--wait-applied"]
        target = ["--target", self.trio.gateway.address]
        states = ["--state-dir", str(self.trio.directory / "states")]
        subprocess.run([*command, *target, *states], check=True, capture_output=True)

    def names(self) -> "Names":
        """Return what there is to look at: what is mentioned most."""
        with SyncNewstallyClient(self.trio.gateway.address, access=self.access) as client:
            publications = [each.publication for each in client.publications()]
            tallies = itertools.islice(client.entity_tallies(publications[0]), 5)
            return Names(publications, [(each.text, each.label) for each in tallies])


@dataclass(frozen=True)
class Names:
    """What pages can be about."""

    publications: list[str]
    """By mentions, the most first."""
    entities: list[tuple[str, str]]
    """(text, label) of the first publication's, likewise."""


@contextmanager
def site(
    path: Path,
    articles: Iterable[Article] = (),
    *,
    engine: Sequence[str] = (),
    sink: Sequence[str] = (),
    dashboard_flags: Sequence[str] = SETTLED,
) -> Iterator[Site]:
    """Run the services, count the articles, run a dashboard."""
    with (
        Trio(path, extractors=1, extractor_flags=engine, persister_flags=sink) as trio,
        dashboard_process(
            trio.gateway.address, path / "dashboard.log", dashboard_flags
        ) as dashboard,
    ):
        made = Site(trio, dashboard)
        made.upload(articles)
        yield made


@contextmanager
def secured(path: Path, articles: Iterable[Article]) -> Iterator[Site]:
    """Likewise, with keys and TLS; the dashboard's key may only read."""
    own = secure(path / "secure")
    reading = path / "secure" / "reading"
    key = make_key(path / "secure" / "keys.json", "tests", ("read",))
    write(reading, key.encode())
    flags = [f"--ca={own.folder.authority}", f"--key-file={reading}", *SETTLED]
    with (
        Trio(
            path / "trio", extractors=1, certificates=own.folder, gateway_flags=own.gateway_flags
        ) as trio,
        dashboard_process(trio.gateway.address, path / "dashboard.log", flags) as dashboard,
    ):
        made = Site(trio, dashboard, own.access)
        made.upload(articles)
        yield made


def sample() -> list[Article]:
    """Return the articles of the repository."""
    with SAMPLE.open() as file:
        return [_article(json.loads(line)) for line in file]


def _article(record: dict[str, str]) -> Article:
    return Article(
        publication=record["publication"],
        content=record["content"],
        article_id=record["article_id"],
        publish_time=datetime.fromisoformat(record["publish_time"]).astimezone(UTC),
    )


def hostile_articles() -> Iterator[Article]:
    """Yield what makes the store of names that no editor would write."""
    return hostile.articles(PUBLICATIONS)


def firestore_flags() -> list[str]:
    """Start the emulator; return what lets a persister use it."""
    os.environ["FIRESTORE_EMULATOR_HOST"] = firestore_emulator.running()
    return ["--sink", "firestore", "--firestore-project", "browser"]
