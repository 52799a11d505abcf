"""Connections of browsers: how long they may take to ask, and what is logged of them."""

import asyncio
import logging
from typing import Any

from newstally_runtime.rare import Rarely
from uvicorn.protocols.http.h11_impl import H11Protocol

REQUEST_SECONDS = 10.0
"""So long a connection has for its first request, and for each later one from its first byte."""
LOGGER = "uvicorn.error"


class Protocol(H11Protocol):
    """Closes connections that begin a request, or should, and do not end it."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Wait on, unless that was all of a request: however little comes is no reason to begin."""
        super().data_received(data)
        if self.cycle is None or self.cycle.response_complete:
            self._wait()
        else:
            self._stop_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._patience is None:
            self._patience = self.loop.call_later(REQUEST_SECONDS, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


class BadRequests(logging.Filter):
    """Seldom lets on what uvicorn warns of: that is one line for each request that is none.

    Its errors are faults of ours, and stay.
    """

    def __init__(self) -> None:
        super().__init__()
        self._seldom = Rarely("request that cannot be answered")

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep everything but warnings."""
        if record.levelno != logging.WARNING:
            return True
        self._seldom.note(reason=record.getMessage())
        return False
