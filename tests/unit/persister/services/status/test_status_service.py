"""What a gateway tells the persister, and hears of it."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from newstally_persister.journal.opening import open_journal
from newstally_persister.metrics import Metrics
from newstally_persister.services.status.status_service import PersisterService
from newstally_protos.v1.persister_pb2 import ExchangeStatusRequest, Sighting
from newstally_protos.v1.status_pb2 import ErrorGroup, PersisterStatus, ProcessStatus
from newstally_runtime.observing.process import total
from prometheus_client import CollectorRegistry, Counter


class Journal:
    """Runs the work at once, and counts it."""

    def __init__(self, path: Path) -> None:
        self.connection = sqlite3.connect(path)
        self.runs = 0

    async def run(self, work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        self.runs += 1
        with self.connection:
            return work(self.connection, *args, **named)


@asynccontextmanager
async def serving(
    tmp_path: Path, status: PersisterStatus, now_micros: int = 1, new_errors: Counter | None = None
) -> AsyncIterator[tuple[PersisterService, Journal]]:
    opened = open_journal(tmp_path / "data")
    opened.close()
    journal = Journal(opened.path)
    counter = new_errors or Metrics(CollectorRegistry()).new_errors
    try:
        yield PersisterService(journal, lambda: status, counter, lambda: now_micros), journal
    finally:
        journal.connection.close()


def status(release: str, *fingerprints: str) -> PersisterStatus:
    errors = [ErrorGroup(fingerprint=each) for each in fingerprints]
    return PersisterStatus(
        process=ProcessStatus(service="persister", release=release, errors=errors)
    )


def told(*sightings: tuple[str, str]) -> ExchangeStatusRequest:
    return ExchangeStatusRequest(
        sightings=[
            Sighting(service="extractor", release=release, fingerprint=fingerprint)
            for release, fingerprint in sightings
        ]
    )


async def test_of_releases_that_are_told_together_the_higher_is_the_newer(tmp_path: Path) -> None:
    """By their numbers: 0.10 comes after 0.9."""
    async with serving(tmp_path, status("0.10.0")) as (service, _):
        request = told(("0.10.0", "a"), ("0.10.0", ""), ("0.9.0", ""), ("0.9.0", "b"))
        answer = await service.ExchangeStatus(request, None)
    assert list(answer.new_errors) == ["a"]
    assert answer.persister.process.release == "0.10.0"


async def test_what_is_told_again_writes_nothing(tmp_path: Path) -> None:
    """Every gateway tells the same, again and again."""
    async with serving(tmp_path, status("0.3.0")) as (service, journal):
        for _ in range(5):
            await service.ExchangeStatus(told(("0.3.0", ""), ("0.3.0", "a")), None)
        assert journal.runs == 1


async def test_its_own_errors_are_noted_too(tmp_path: Path) -> None:
    """In the release before, and then in this one."""
    async with serving(tmp_path, status("0.3.0", "old")) as (service, _):
        assert list((await service.ExchangeStatus(told(), None)).new_errors) == []
    async with serving(tmp_path, status("0.4.0", "old", "new"), 1_000) as (service, _):
        assert list((await service.ExchangeStatus(told(), None)).new_errors) == ["new"]


async def test_what_cannot_be_kept_costs_no_turn_of_the_journal(tmp_path: Path) -> None:
    """Nor memory: texts that long may be of any size, and new each time."""
    async with serving(tmp_path, PersisterStatus()) as (service, journal):
        for number in range(5):
            await service.ExchangeStatus(told(("0.3.0", f"{number}" * 100)), None)
        assert journal.runs == 0


async def test_each_error_that_is_new_is_counted_once(tmp_path: Path) -> None:
    """Not again after a restart, nor when another process has it, too."""
    counter = Metrics(CollectorRegistry()).new_errors
    releases = told(("0.3.0", ""), ("0.3.0", "old"), ("0.4.0", ""))
    async with serving(tmp_path, PersisterStatus(), 1, counter) as (service, _):
        await service.ExchangeStatus(releases, None)
        assert total(counter) == 0
        await service.ExchangeStatus(told(("0.4.0", "a"), ("0.4.0", "old")), None)
        await service.ExchangeStatus(told(("0.4.0", "a"), ("0.4.0", "b")), None)
        assert total(counter) == 2
    async with serving(tmp_path, PersisterStatus(), 1_000, counter) as (service, _):
        answer = await service.ExchangeStatus(told(("0.4.0", "b"), ("0.4.0", "a")), None)
        assert list(answer.new_errors) == ["a", "b"]
        assert total(counter) == 2
