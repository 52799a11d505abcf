"""Where the logs of all children go: stderr, one line at a time."""

import json
from datetime import UTC, datetime
from typing import TextIO

from newstally.up.rendering import render


class Output:
    """Writes lines for people, or JSON as the children wrote it.

    When nobody reads any more (a closed pipe), lines are dropped: the services go on.
    """

    def __init__(self, stream: TextIO, *, as_json: bool, colour: bool) -> None:
        self._stream = stream
        self._as_json = as_json
        self._colour = colour
        self._broken = False

    def line(self, name: str, line: str) -> None:
        """Pass on a line that a child wrote, without its end."""
        if self._as_json:
            self._write(line)
        else:
            now = datetime.now(UTC).astimezone()
            self._write(render(name, line, now=now, colour=self._colour))

    def event(self, text: str, level: str = "info", **fields: object) -> None:
        """Log something of the supervisor's own."""
        timestamp = datetime.now(UTC).isoformat()
        event = {"service": "up", "event": text, "level": level, "timestamp": timestamp, **fields}
        self.line("up", json.dumps(event, default=str))

    def _write(self, text: str) -> None:
        if self._broken:
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._broken = True
