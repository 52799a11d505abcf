"""Where an exception was raised, and nothing of what it says: that may hold an article's text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from traceback import walk_tb
from types import CodeType, TracebackType

FRAMES = 32
"""Of one exception with all that caused it; the innermost of each are kept."""
CHAIN = 8
"""Exceptions that are followed, from one to what caused it."""
OWN = "newstally_"
"""What the files of our packages begin with."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One call on the way."""

    file: str
    """From its package on."""
    line: int
    function: str


@dataclass(frozen=True, slots=True)
class Raised:
    """One exception."""

    kind: str
    """Its type."""
    frames: Sequence[Frame]
    """Outermost first."""


def raised(error: BaseException) -> list[Raised]:
    """Return the exception, and after it what caused it."""
    found: list[Raised] = []
    left = FRAMES
    for each in _chain(error):
        frames = list(_frames(each.__traceback__))[-left:] if left else []
        left -= len(frames)
        found.append(Raised(_kind(type(each)), frames))
    return found


def frame_of(code: CodeType, line: int) -> Frame:
    """Return the frame of a code object."""
    return Frame(_from_package(code.co_filename), line, code.co_qualname)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(seen) < CHAIN:
        seen.add(id(current))
        yield current
        if isinstance(current, BaseExceptionGroup):
            current = current.exceptions[0]
        elif current.__cause__ is not None or current.__suppress_context__:
            current = current.__cause__
        else:
            current = current.__context__


def _frames(traceback: TracebackType | None) -> Iterator[Frame]:
    for frame, line in walk_tb(traceback):
        yield frame_of(frame.f_code, line)


def _kind(kind: type[BaseException]) -> str:
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def _from_package(file: str) -> str:
    parts = file.replace("\\", "/").split("/")
    for root in ("site-packages", "src"):
        if root in parts[:-1]:
            return "/".join(parts[len(parts) - parts[::-1].index(root) :])
    return "/".join(parts[-2:])
