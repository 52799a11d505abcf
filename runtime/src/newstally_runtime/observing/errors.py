"""Errors in groups: one for each place in the code and kind, however often it happens."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from prometheus_client import Counter

from newstally_runtime.observing.tracebacks import OWN, Frame, Raised

GROUPS = 64
"""Most that are kept."""
GROUPS_BYTES = 64 * 1024
"""What they take together, about."""
TEXT_LIMIT = 200
"""Characters of an event, a type or a name."""
ERRORS = Counter("newstally_errors_total", "Errors, which status shows in groups.")
ID_DIGITS = 32
"""Of a trace."""
_FRAME_BYTES = 16
"""What a frame takes besides its texts."""


@dataclass(frozen=True, slots=True)
class Group:
    """What is known of one error."""

    fingerprint: str
    event: str
    kind: str
    """The exception's type; empty where there was none."""
    raised: Sequence[Raised]
    """Of the last time."""
    count: int
    first: float
    """When it was seen first, in seconds since 1970."""
    last: float
    trace_id: str = ""
    """Of the last time that was traced."""

    @property
    def size_bytes(self) -> int:
        """What it takes, about."""
        frames = [frame for each in self.raised for frame in each.frames]
        texts = sum(len(frame.file) + len(frame.function) for frame in frames)
        return 150 + len(self.event) + len(self.kind) + texts + _FRAME_BYTES * len(frames)


def fingerprint(service: str, event: str, raised: Sequence[Raised]) -> str:
    """Return what is the same for the same error: in every process, and where lines have moved.

    It is made of the types and of our own functions; of all functions where none is ours.
    """
    parts = [service, event]
    every = [frame for each in raised for frame in each.frames]
    own = any(frame.file.startswith(OWN) for frame in every)
    for each in raised:
        parts.append(each.kind)
        parts += [
            f"{frame.file}:{frame.function}"
            for frame in each.frames
            if not own or frame.file.startswith(OWN)
        ]
    return sha256("\0".join(parts).encode(errors="replace")).hexdigest()[:16]


class Errors:
    """The groups of one process, bounded: the one that was not seen for longest goes.

    Safe from any thread.
    """

    def __init__(
        self, service: str, wall_clock: Callable[[], float], size_bytes: int = GROUPS_BYTES
    ) -> None:
        self._service = service
        self._wall_clock = wall_clock
        self._limit_bytes = size_bytes
        self._lock = threading.Lock()
        self._groups: OrderedDict[str, Group] = OrderedDict()
        self._size_bytes = 0
        self.forgotten = 0
        """Groups that had to go."""

    def note(self, event: str, raised: Sequence[Raised], trace_id: str = "") -> None:
        """Count an error. `event` is ours, and says nothing of any article."""
        ERRORS.inc()
        event = event[:TEXT_LIMIT]
        raised = [_cut(each) for each in raised]
        found = fingerprint(self._service, event, raised)
        now = self._wall_clock()
        with self._lock:
            known = self._groups.pop(found, None)
            if known is None:
                kind = raised[0].kind if raised else ""
                group = Group(found, event, kind, raised, 1, now, now, trace_id[:ID_DIGITS])
            else:
                self._size_bytes -= known.size_bytes
                group = replace(
                    known,
                    raised=raised,
                    count=known.count + 1,
                    last=now,
                    trace_id=trace_id[:ID_DIGITS] or known.trace_id,
                )
            self._groups[found] = group
            self._size_bytes += group.size_bytes
            while len(self._groups) > GROUPS or (
                self._size_bytes > self._limit_bytes and len(self._groups) > 1
            ):
                _, gone = self._groups.popitem(last=False)
                self._size_bytes -= gone.size_bytes
                self.forgotten += 1

    def groups(self) -> list[Group]:
        """Return the groups, those seen last first."""
        with self._lock:
            return list(reversed(self._groups.values()))


def _cut(raised: Raised) -> Raised:
    frames = [
        Frame(frame.file[-TEXT_LIMIT:], frame.line, frame.function[:TEXT_LIMIT])
        for frame in raised.frames
    ]
    return Raised(raised.kind[:TEXT_LIMIT], frames)
