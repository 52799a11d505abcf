"""Shows how an upload goes, on stderr."""

import re
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from newstally_protos.names import shown
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import (
    Progress as Bar,
)
from rich.text import Text

from newstally.inputs import UNKNOWN_RECORDS, Source
from newstally.values import Progress, UploadEvent, Waiting

LINE_EVERY_SECONDS = 5.0
NOTE_AFTER_SECONDS = 1.0
"""A failure that is over sooner is not worth a line."""
HEARD_EVERY_SECONDS = 5.0
"""A gateway that is there is heard of at least so often."""
AGAIN_AFTER_SECONDS = 30.0
"""What stands in the way for so long is told once more."""
STALLED_AFTER_SECONDS = 15.0
"""So long may a gateway that answers settle nothing before that is told."""
_RATE_SPAN_SECONDS = 20.0
FIRST_AFTER_SECONDS = 0.2
"""So soon the first pass over an input shows that something happens."""
_CODE = re.compile(r" \([A-Z_]{4,}\)")
_LOOK_EVERY = 64
"""Records between two looks at the clock."""


class Rate:
    """Articles per second over the last stretch. Pure: times are passed in."""

    def __init__(self) -> None:
        self._points: list[tuple[float, int]] = []

    def add(self, now: float, settled: int) -> None:
        """Note how many were settled at a time."""
        if self._points and now - self._points[-1][0] < 0.25:
            return
        self._points.append((now, settled))
        while now - self._points[0][0] > _RATE_SPAN_SECONDS:
            self._points.pop(0)

    def per_second(self) -> float:
        """Return the rate, 0.0 while it is unknown."""
        (first_time, first), (last_time, last) = self._points[0], self._points[-1]
        return (last - first) / (last_time - first_time) if last_time > first_time else 0.0


class FirstPass:
    """Says soon that something happens, and then every few seconds how far it is."""

    def __init__(
        self,
        source: Source,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._clock = clock
        self.tell: Callable[[int, float], None] = lambda records, part: say(
            f"reading the input: {records:,} records, {part:.0%}"
        )
        """Takes how many records were read, and which part of the input that is."""
        self._next = clock() + FIRST_AFTER_SECONDS

    def __call__(self, records: int) -> None:
        """Take how many records were read so far."""
        if records % _LOOK_EVERY or (now := self._clock()) < self._next:
            return
        self._next = now + LINE_EVERY_SECONDS
        self.tell(records, self._source.progress())


class Piping:
    """Likewise, for what is piped and of which nobody knows how much will come."""

    def __init__(
        self, tell: Callable[[int], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`tell` takes how many bytes have come."""
        self._tell = tell
        self._clock = clock
        self._next = clock() + FIRST_AFTER_SECONDS

    def __call__(self, size_bytes: int) -> None:
        """Take how many bytes have come so far."""
        if (now := self._clock()) >= self._next:
            self._next = now + LINE_EVERY_SECONDS
            self._tell(size_bytes)


class LineDisplay:
    """Plain lines, for logs and pipes.

    Every few seconds how far it is, if that has changed; what stands in the way, now and then.
    """

    def __init__(
        self,
        total: int,
        target: str,
        say: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._target = target
        self._say = say
        self._clock = clock
        self._rate = Rate()
        self._said_at = self._moved_at = self._heard_at = clock()
        self._settled: int | None = None
        self._told = 0
        """How many were settled when that was last said."""
        self._failing_since: float | None = None
        self._troubles: dict[str, float] = {}
        """What has been said since something last moved, and when."""

    def __enter__(self) -> Self:
        """Nothing to open."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to close."""

    def __call__(self, event: UploadEvent) -> None:
        """Take an event of the upload."""
        now = self._clock()
        match event:
            case Progress(upload):
                self._progress(now, upload.next_offset)
            case Waiting(error):
                self._failing_since = now if self._failing_since is None else self._failing_since
                silent = now - self._heard_at - HEARD_EVERY_SECONDS
                lasted = max(now - self._failing_since, silent)
                if max(lasted, event.seconds) >= NOTE_AFTER_SECONDS:
                    self._trouble(waiting_text(self._target, error))
            case _:
                pass

    def _progress(self, now: float, settled: int) -> None:
        self._failing_since, self._heard_at = None, now
        self._rate.add(now, settled)
        if settled != self._settled:
            if self._troubles:
                self._troubles.clear()
                self._say(f"gateway {self._target} goes on")
            self._settled, self._moved_at = settled, now
        if now - self._moved_at >= STALLED_AFTER_SECONDS and settled < self._total:
            self._trouble(stalled_text(self._target))
        if now - self._said_at >= LINE_EVERY_SECONDS and settled != self._told:
            self._said_at, self._told = now, settled
            self._say(progress_text(self._rate, settled, self._total))

    def _trouble(self, text: str) -> None:
        now = self._clock()
        if now - self._troubles.get(text, -AGAIN_AFTER_SECONDS) >= AGAIN_AFTER_SECONDS:
            self._troubles[text] = now
            self._say(text)


class BarDisplay:
    """A progress bar, for a terminal."""

    def __init__(self, total: int, target: str, console: Console) -> None:
        self._target = target
        self._rate = Rate()
        self._bar = Bar(
            TextColumn("settled"),
            MofNCompleteColumn(),
            TextColumn("articles"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(compact=True),
            TextColumn("left"),
            TextColumn("{task.fields[note]}", style="yellow", markup=False),
            console=console,
        )
        self._task: TaskID = self._bar.add_task(
            "", total=None if total == UNKNOWN_RECORDS else total, rate="", note=""
        )

    def __enter__(self) -> Self:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the bar as it is and free the terminal."""
        self._bar.stop()

    def __call__(self, event: UploadEvent) -> None:
        """Take an event of the upload."""
        match event:
            case Progress(upload):
                self._rate.add(time.monotonic(), upload.next_offset)
                self._bar.update(
                    self._task,
                    completed=upload.next_offset,
                    rate=f"{self._rate.per_second():,.0f} articles/s",
                    note=f"{upload.refused:,} refused" if upload.refused else "",
                )
            case Waiting(error):
                self._bar.update(self._task, note=waiting_text(self._target, error))
            case _:
                pass


Display = LineDisplay | BarDisplay


def make_display(total: int, target: str, *, quiet: bool = False) -> Display:
    """Return the display that fits stderr, or one that shows nothing."""
    if quiet:
        return LineDisplay(total, target, lambda _: None)
    console = Console(stderr=True)
    if console.is_terminal:
        return BarDisplay(total, target, console)
    return LineDisplay(
        total, target, lambda text: console.print(Text(text), soft_wrap=True, highlight=False)
    )


def progress_text(rate: Rate, settled: int, total: int) -> str:
    """Say how far it is, and how long it will take if that can be told."""
    per_second = rate.per_second()
    if total == UNKNOWN_RECORDS:
        return f"settled {settled:,} articles, {per_second:,.0f}/s"
    text = f"settled {settled:,} of {total:,} articles, {per_second:,.0f}/s"
    if per_second > 0 and settled < total:
        text += f", about {(total - settled) / per_second:,.0f} s left"
    return text


def waiting_text(target: str, error: Exception) -> str:
    """Say what is waited for; gRPC's code is for programs."""
    return shown(f"waiting for gateway {target}: {_CODE.sub('', str(error))}")


def stalled_text(target: str) -> str:
    """Say that nothing moves although the gateway answers."""
    return (
        f"waiting for gateway {target}: it answers, but settles nothing; `newstally status` says"
        " what is missing"
    )
