"""Uploads in the log: begun, now and then how far they are, ended; by whom, with figures."""

import asyncio
from collections.abc import Mapping
from dataclasses import asdict

import structlog

from newstally_gateway.clients.session import Session
from newstally_gateway.core.diary import Diary

LOOK_SECONDS = 5.0
"""How often is looked for uploads to be told of."""

log = structlog.get_logger()


class UploadsLog:
    """Writes what the diary decides."""

    def __init__(self, streams: Mapping[int, Session]) -> None:
        """`streams`: those that are open."""
        self._streams = streams
        self._diary = Diary()
        self._loop = asyncio.get_running_loop()

    def begun(self, number: int, upload_id: str) -> None:
        """Note that a stream's upload is known."""
        session = self._streams.get(number)
        if session is not None and self._diary.begun(number, self._loop.time()):
            owner, ids = session.caller.owner, session.trace.ids
            log.info("upload begun", stream=number, upload_id=upload_id, owner=owner, **ids)

    def ended(self, number: int, session: Session) -> None:
        """Note that a stream has ended."""
        seconds = self._diary.ended(number, session.figures, self._loop.time())
        if seconds is not None:
            ended = {"seconds": round(seconds, 1), "outcome": session.outcome}
            log.info("upload ended", stream=number, **_figures(session), **ended)

    async def run(self) -> None:
        """Tell of what lasts, and of short ones together, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for number in self._diary.lasting(self._loop.time()):
                log.info("upload goes on", stream=number, **_figures(self._streams[number]))
            untold = self._diary.untold()
            if untold.streams:
                log.info("short uploads", **asdict(untold))


def _figures(session: Session) -> dict[str, object]:
    figures = session.figures
    return {
        **session.where,
        "owner": session.caller.owner,
        "settled": figures.settled,
        "refused": figures.refused,
    }
