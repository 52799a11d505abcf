"""Which uploads the log tells of, so that many small ones do not fill it.

begun ──told──▶ goes on, once in PROGRESS_SECONDS ──▶ ended
└──untold, because many begin──▶ summed up when it ends; told of once it lasts
"""

from dataclasses import dataclass

TOLD = 30
"""Streams of which is told, that begin within WINDOW_SECONDS."""
WINDOW_SECONDS = 60.0
PROGRESS_SECONDS = 60.0
"""How often is told of a stream that lasts."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What a stream, or several together, came to."""

    streams: int = 0
    settled: int = 0
    """Articles."""
    refused: int = 0
    """Of them."""

    def plus(self, other: "Figures") -> "Figures":
        """Return both together."""
        return Figures(
            self.streams + other.streams,
            self.settled + other.settled,
            self.refused + other.refused,
        )


@dataclass(slots=True)
class _Stream:
    began: float
    told_at: float
    told: bool


class Diary:
    """Decides for all streams of a gateway."""

    def __init__(self) -> None:
        self._streams: dict[int, _Stream] = {}
        self._window_began = float("-inf")
        self._told = 0
        self._untold = Figures()

    def begun(self, stream: int, now: float) -> bool:
        """Note a stream whose upload is known; return whether to tell."""
        if now - self._window_began >= WINDOW_SECONDS:
            self._window_began, self._told = now, 0
        told = self._told < TOLD
        self._told += told
        self._streams[stream] = _Stream(now, now, told)
        return told

    def lasting(self, now: float) -> list[int]:
        """Return the streams whose progress is to be told now; they count as told of."""
        found = []
        for number, stream in self._streams.items():
            if now - stream.told_at >= PROGRESS_SECONDS:
                stream.told_at, stream.told = now, True
                found.append(number)
        return found

    def ended(self, stream: int, figures: Figures, now: float) -> float | None:
        """Return after how many seconds a stream has ended of which is to be told; or None."""
        known = self._streams.pop(stream, None)
        if known is None:
            return None
        if known.told:
            return now - known.began
        self._untold = self._untold.plus(figures)
        return None

    def untold(self) -> Figures:
        """Return, once, what the streams came to that ended untold."""
        untold, self._untold = self._untold, Figures()
        return untold
