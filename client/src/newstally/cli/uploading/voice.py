"""How a run of `newstally upload` speaks: to people, to programs, or not at all."""

import json
import time
import types
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import typer

from newstally.cli.running import keep_quiet, say
from newstally.cli.uploading.display import Display, FirstPass, Piping, Rate, make_display
from newstally.inputs import UNKNOWN_RECORDS, Source
from newstally.values import Progress, UploadEvent, Waiting

EVENT_EVERY_SECONDS = 1.0
IDS: ContextVar[Mapping[str, str]] = ContextVar("IDS", default=types.MappingProxyType({}))
"""Of the trace that the run belongs to, for each JSON line."""


@dataclass(frozen=True, slots=True)
class Voice:
    """Where notes, progress and errors go: stderr, as text or as one JSON object a line."""

    quiet: bool = False
    """Neither notes nor progress; errors are told."""
    as_json: bool = False
    """For programs; goes before `quiet`."""

    def note(self, text: str) -> None:
        """Tell something that the user should know."""
        if self.as_json:
            emit("note", message=text)
        elif not self.quiet:
            say(text)

    def error(self, text: str) -> None:
        """Tell why the run failed."""
        if self.as_json:
            emit("error", message=text)
        else:
            say(text)

    def first_pass(self, source: Source) -> Callable[[int], None]:
        """Return what takes how many records were read before anything is sent."""
        if not self.as_json:
            return FirstPass(source, keep_quiet if self.quiet else say)
        reading = FirstPass(source, keep_quiet)
        reading.tell = lambda records, part: emit("reading", records=records, part=round(part, 4))
        return reading

    def piping(self) -> Callable[[int], None]:
        """Return what takes how many bytes came through a pipe, before anything else is done."""
        return Piping(self._tell_piped)

    def _tell_piped(self, size_bytes: int) -> None:
        if self.as_json:
            emit("reading", piped_bytes=size_bytes)
        elif not self.quiet:
            say(f"reading the pipe: {size_bytes / 1e6:,.1f} MB so far")

    def display(self, total: int, target: str) -> "Display | JsonDisplay":
        """Return what takes the events of the upload; used in a `with`."""
        return JsonDisplay(total) if self.as_json else make_display(total, target, quiet=self.quiet)


class JsonDisplay:
    """One object when something moved, at most one a second, and one for each failure."""

    def __init__(self, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total
        self._clock = clock
        self._rate = Rate()
        self._next = clock()
        self._told: int | None = None
        self._last: dict[str, object] = {}

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Tell the last that is known."""
        if self._last and self._last["settled"] != self._told:
            emit("progress", **self._last)

    def __call__(self, event: UploadEvent) -> None:
        """Take an event of the upload."""
        match event:
            case Progress(upload):
                now = self._clock()
                self._rate.add(now, upload.next_offset)
                self._last = {
                    "settled": upload.next_offset,
                    "total": None if self._total == UNKNOWN_RECORDS else self._total,
                    "counted": upload.counted,
                    "refused": upload.refused,
                    "articles_per_second": round(self._rate.per_second(), 1),
                }
                if now >= self._next and upload.next_offset != self._told:
                    self._next, self._told = now + EVENT_EVERY_SECONDS, upload.next_offset
                    emit("progress", **self._last)
            case Waiting(error):
                emit("waiting", message=str(error), seconds=round(event.seconds, 3))
            case _:
                pass


def emit(event: str, **fields: object) -> None:
    """Write one object to stderr."""
    typer.echo(json.dumps({"event": event, **fields, **IDS.get()}), err=True)
