"""One line of a child's log, made readable. Pure."""

import json
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

NAME_WIDTH = 11
_HIDDEN = frozenset({"event", "level", "timestamp", "service", "release", "exception"})
_COLOURS = (36, 32, 35, 34, 96, 92, 95, 94)
_LEVEL_COLOURS = {"warning": 33, "error": 31, "critical": 31}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def parse(line: str) -> dict[str, Any] | None:
    """Return the event of a JSON log line, or None for anything else."""
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "event" in event else None


def render(name: str, line: str, *, now: datetime, colour: bool) -> str:
    """Return the line for people: local time, service, event, fields; no end of line.

    What is no JSON event (a traceback, say) passes through with the same beginning.
    """
    event = parse(line)
    time = now if event is None else _time(event, now)
    head = f"{time:%H:%M:%S} {_paint(f'{name:<{NAME_WIDTH}}', _colour(name), colour)} "
    if event is None:
        return head + _clean(line)
    level = str(event.get("level", "info"))
    text = _clean(str(event["event"]))
    if level in _LEVEL_COLOURS:
        text = _paint(f"{level.upper()} {text}", _LEVEL_COLOURS[level], colour)
    fields = [f"{key}={_value(value)}" for key, value in event.items() if key not in _HIDDEN]
    first = head + " ".join([text, *map(_clean, fields)])
    return "\n".join([first, *(head + "  " + _clean(row) for row in _traceback(event))])


def _time(event: Mapping[str, Any], now: datetime) -> datetime:
    try:
        return datetime.fromisoformat(str(event["timestamp"])).astimezone(now.tzinfo)
    except (KeyError, ValueError):
        return now


def _value(value: object) -> str:
    if isinstance(value, str):
        return value if value and not re.search(r"[\s\"=]", value) else json.dumps(value)
    return json.dumps(value, default=str)


def _traceback(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield rows for exceptions, which are text or a list of stacks; what they say is not told."""
    exception = event.get("exception")
    if isinstance(exception, str):
        yield from exception.splitlines()
    elif isinstance(exception, list):
        for stack in exception:
            if isinstance(stack, dict):
                for frame in stack.get("frames", ()):
                    yield f"{frame.get('filename')}:{frame.get('lineno')} in {frame.get('name')}"
                yield str(stack.get("exc_type"))


def _clean(text: str) -> str:
    """Leave out what could drive a terminal."""
    return _CONTROL.sub("?", text)


def _colour(name: str) -> int:
    return _COLOURS[zlib.crc32(name.encode()) % len(_COLOURS)]


def _paint(text: str, number: int, colour: bool) -> str:
    return f"\x1b[{number}m{text}\x1b[0m" if colour else text
