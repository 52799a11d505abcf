"""Which span something belongs to, as W3C's Trace Context writes it: 55 characters. Pure."""

import re
from collections.abc import Iterable
from typing import NamedTuple, Self

KEY = "traceparent"
"""The metadata that carries it in a call."""
_FORM = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})", re.ASCII)
_SAMPLED = 1


class Traceparent(NamedTuple):
    """A span, of this process or another."""

    trace_id: str
    """32 hexadecimal digits, not all zero."""
    span_id: str
    """16 hexadecimal digits, not all zero."""
    sampled: bool
    """Whether it is recorded, and what belongs to it shall be."""

    def __str__(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"

    def unsampled(self) -> Self:
        """Return it with nothing to be recorded."""
        return self._replace(sampled=False)


def read(text: str) -> Traceparent | None:
    """Return what a peer wrote; None for anything else, of whatever length: that is ignored."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags = found.groups()
    if version == "ff" or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    return Traceparent(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def of_metadata(metadata: Iterable[tuple[str, str | bytes]] | None) -> Traceparent | None:
    """Return what a call belongs to; None if it does not say, or says more than one thing."""
    found = [value for key, value in metadata or () if key == KEY]
    return read(found[0]) if len(found) == 1 and isinstance(found[0], str) else None
