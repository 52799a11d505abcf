"""Addresses of pages. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

Pairs = tuple[tuple[str, str], ...]


def address(path: str, pairs: Iterable[tuple[str, object]] = (), **more: object) -> str:
    """Return an address; what is empty is left out."""
    every = [*pairs, *more.items()]
    query = urlencode([(name, str(value)) for name, value in every if value not in ("", None)])
    return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a reader is: a page, and what the address says besides."""

    path: str
    pairs: Pairs

    def to(self, **changes: object) -> str:
        """Return the address with some parts changed; None or "" takes one out."""
        kept = [(name, value) for name, value in self.pairs if name not in changes]
        return address(self.path, kept, **changes)

    def without(self, name: str, value: str) -> str:
        """Return the address without one of several values of a name."""
        return address(self.path, [pair for pair in self.pairs if pair != (name, value)])

    def with_(self, name: str, value: str, *dropped: str) -> str:
        """Return the address with one more value of a name, and without some other names."""
        kept = [pair for pair in self.pairs if pair[0] not in dropped]
        return address(self.path, [*kept, (name, value)])

    def but(self, names: Sequence[str]) -> Pairs:
        """Return all but some parts, for the hidden fields of a form."""
        return tuple(pair for pair in self.pairs if pair[0] not in names)
