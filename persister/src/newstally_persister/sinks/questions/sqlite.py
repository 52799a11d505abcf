"""The embedded sink's answers."""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from newstally_persister.sinks.base import EntityPosition, PageLimits
from newstally_persister.sinks.questions import sqlite_entities, sqlite_ranking
from newstally_persister.sinks.questions.asked import (
    Days,
    Floor,
    Found,
    History,
    Mentioning,
    Name,
    NamePosition,
    Period,
    PublicationPosition,
    Ranking,
    RisingList,
    RisingPosition,
    UnansweredError,
)
from newstally_persister.sinks.questions.sqlite_scope import STEPS_LIMIT, bounded
from newstally_persister.sinks.sqlite import SqliteSink
from newstally_persister.sinks.sqlite_schema import SPELT

Answer = TypeVar("Answer")


class SqliteQuestions:
    """Questions to a file of tallies; see `asked.Questions`."""

    def __init__(self, sink: SqliteSink) -> None:
        self._sink = sink

    async def rank(
        self,
        publication: str | None,
        days: Days,
        label: str,
        limits: PageLimits,
        after: EntityPosition | None,
    ) -> Ranking:
        """See Questions.rank."""
        return await self._ask(
            lambda connection: sqlite_ranking.rank(
                connection, publication, days, label, limits, after
            )
        )

    async def rising(
        self,
        publication: str | None,
        days: Period | None,
        base: Period | None,
        floor: Floor,
        limits: PageLimits,
        after: RisingPosition | None,
        today: int,
    ) -> RisingList:
        """See Questions.rising."""
        return await self._ask(
            lambda connection: sqlite_ranking.rises(
                connection, publication, days, base, floor, limits, after, today
            )
        )

    async def history(
        self,
        publication: str | None,
        name: Name,
        days: Days,
        limits: PageLimits,
        after: str | None,
    ) -> History:
        """See Questions.history."""
        return await self._ask(
            lambda connection: sqlite_entities.history(
                connection, publication, name, days, limits, after
            )
        )

    async def publications(
        self, name: Name, days: Days, limits: PageLimits, after: PublicationPosition | None
    ) -> Mentioning:
        """See Questions.publications."""
        return await self._ask(
            lambda connection: sqlite_entities.publications(connection, name, days, limits, after)
        )

    async def find(
        self,
        publication: str | None,
        beginning: str,
        label: str,
        limits: PageLimits,
        after: NamePosition | None,
    ) -> Found:
        """See Questions.find."""
        return await self._ask(
            lambda connection: sqlite_entities.find(
                connection, publication, beginning, label, limits, after
            )
        )

    async def _ask(self, question: Callable[[sqlite3.Connection], Answer]) -> Answer:
        return await self._sink.ask(partial(_answered, question))


def _answered(
    question: Callable[[sqlite3.Connection], Answer], connection: sqlite3.Connection
) -> Answer:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == SPELT:
        raise UnansweredError(
            "this store was begun by release 0.2.0 and keeps no days: stop the persister and run "
            "`newstally-persister upgrade-store`"
        )
    with bounded(connection, STEPS_LIMIT):
        return question(connection)
