"""The persister as a whole: what begins when."""

import asyncio
from pathlib import Path

import pytest
from newstally_persister import app
from newstally_persister.app import Persister
from newstally_persister.journal.opening import open_journal
from newstally_persister.settings import PersisterSettings
from newstally_persister.sinks.base import Mark
from newstally_persister.sinks.questions.sqlite import SqliteQuestions
from newstally_persister.sinks.sqlite import SqliteSink
from newstally_runtime.service import Lifecycle
from prometheus_client import CollectorRegistry


class LateSink(SqliteSink):
    """A sink that says where it stands once it may, and notes what it is asked."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, receipt_days=1)
        self.asked: list[str] = []
        self.comparing = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.keeping = asyncio.Event()

    async def mark(self, journal_id: str) -> Mark:
        self.asked.append("mark")
        self.comparing.set()
        await self.may_answer.wait()
        return await super().mark(journal_id)

    async def keep(self) -> None:
        self.asked.append("keep")
        self.keeping.set()


async def test_the_keeper_begins_once_the_sink_has_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its work takes long, and would hold up the question whether the sink is of this journal."""
    sink = LateSink(tmp_path / "tallies.db")
    monkeypatch.setattr(app, "_make_sink", lambda *_: (sink, SqliteQuestions(sink)))
    settings = PersisterSettings(data_dir=tmp_path / "data")
    journal = open_journal(settings.data_dir)
    persister = Persister(settings, journal, Lifecycle(), CollectorRegistry())
    async with asyncio.timeout(60):
        await persister.start()
        await sink.comparing.wait()
        assert sink.asked == ["mark"]
        sink.may_answer.set()
        await sink.keeping.wait()
        await persister.close()
