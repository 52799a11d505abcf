"""What waits for the journal's thread: a queue bounded in bytes."""

import asyncio
import threading
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Any

from newstally_persister.journal.errors import JournalClosedError, JournalFullError

RETRY_SECONDS = 1.0
"""When a caller that was told to wait may come back."""
CREATE_BYTES = 1_024
"""What a wish for an upload is charged."""


class Kind(Enum):
    """Commands of one kind that follow each other share a transaction, but for RUN."""

    RECORD = "record"
    """`work` is a Batch."""
    CREATE = "create"
    """`work` is a NewUpload."""
    RUN = "call"
    """`work` is a function over the store's connection. The value is the metric's label."""


@dataclass(frozen=True, slots=True, eq=False)
class Command:
    """Something to do in the journal's thread, and who waits for it."""

    kind: Kind
    work: Any
    size_bytes: int
    """What it is charged while it waits; 0 is never refused."""
    answer: asyncio.Future[Any]


class CommandQueue:
    """First in, first out; from the event loop to one thread."""

    def __init__(self, limit_bytes: int, group_bytes: int) -> None:
        """Bound what waits to `limit_bytes`, and what is taken at once to `group_bytes`."""
        self._limit_bytes = limit_bytes
        self._group_bytes = group_bytes
        self._changed = threading.Condition()
        self._waiting: deque[Command] = deque()
        self._bytes = 0
        self._closed = False

    @property
    def size_bytes(self) -> int:
        """What waits."""
        return self._bytes

    def put(self, command: Command) -> None:
        """Add a command. Raises JournalFullError and JournalClosedError."""
        with self._changed:
            if self._closed:
                raise JournalClosedError("the journal takes nothing any more")
            # One command may exceed the limit if nothing else waits, or it would never be done.
            over = self._bytes and self._bytes + command.size_bytes > self._limit_bytes
            if command.size_bytes and over:
                raise JournalFullError("too much waits for the journal's disk", RETRY_SECONDS)
            self._bytes += command.size_bytes
            self._waiting.append(command)
            self._changed.notify()

    def take(self, timeout_seconds: float) -> list[Command] | None:
        """Wait for commands; [] after the timeout, None when closed and empty."""
        with self._changed:
            if not self._waiting and not self._closed:
                self._changed.wait(timeout_seconds)
            taken: list[Command] = []
            size = 0
            while self._waiting:
                size += self._waiting[0].size_bytes
                if taken and size > self._group_bytes:
                    break
                command = self._waiting.popleft()
                self._bytes -= command.size_bytes
                taken.append(command)
            return None if self._closed and not taken else taken

    def close(self) -> None:
        """Take nothing new; what waits is still handed out."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    def abandon(self) -> list[Command]:
        """Close, and return what will not be done."""
        with self._changed:
            self._closed = True
            left = list(self._waiting)
            self._waiting.clear()
            self._bytes = 0
            return left
