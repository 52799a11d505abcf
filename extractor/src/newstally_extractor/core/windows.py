"""How much may be unanswered. Pure: no clock, no I/O."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """A bound on what is unanswered."""

    articles: int
    """At least 1."""
    size_bytes: int
    """Of content, at least 1. One article may exceed it if nothing else is unanswered."""

    def share(self, links: int) -> "Window":
        """Return one link's even part; never less than one article and one byte."""
        parts = max(1, links)
        return Window(max(1, self.articles // parts), max(1, self.size_bytes // parts))


@dataclass(slots=True)
class Account:
    """What is unanswered on one link."""

    articles: int = 0
    size_bytes: int = 0

    def charge(self, size_bytes: int) -> None:
        """Count an article that came in."""
        self.articles += 1
        self.size_bytes += size_bytes

    def release(self, articles: int, size_bytes: int) -> None:
        """Take off articles whose answers have left."""
        self.articles -= articles
        self.size_bytes -= size_bytes

    def has_room(self, window: Window) -> bool:
        """Say whether more may be read. A message that is read may overrun the window once."""
        return self.articles < window.articles and self.size_bytes < window.size_bytes
