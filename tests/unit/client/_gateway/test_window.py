"""The bounded memory of an upload, and how long it goes on without a move."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from newstally import UploadWentBackwards, WindowLimits
from newstally._gateway.patience import Patience
from newstally._gateway.window import Window
from newstally_protos.v1.gateway_pb2 import StreamArticlesRequest

LIMITS = WindowLimits(articles=8, size_bytes=2 * 1024 * 1024)
SIZES = st.integers(1, 1024 * 1024)


class WindowMachine(RuleBasedStateMachine):
    """Compares the window with a plain list of (offset, size)."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window(LIMITS, 5)
        self.kept: list[tuple[int, int]] = []
        self.unsent: list[int] = []
        self.first = 5

    @rule(size=SIZES)
    def add(self, size: int) -> None:
        fits = len(self.kept) < 8 and sum(s for _, s in self.kept) + size <= LIMITS.size_bytes
        assert self.window.fits(size) == fits
        if fits:
            offset = self.first + len(self.kept)
            assert self.window.end == offset
            self.window.add(StreamArticlesRequest(offset=offset), size)
            self.kept.append((offset, size))
            self.unsent.append(offset)

    @rule()
    def send(self) -> None:
        request = self.window.next_unsent()
        assert (None if request is None else request.offset) == (
            self.unsent.pop(0) if self.unsent else None
        )

    @rule()
    def reconnect(self) -> None:
        self.window.rewind()
        self.unsent = [offset for offset, _ in self.kept]

    @rule(ahead=st.integers(0, 12))
    def acknowledge(self, ahead: int) -> None:
        next_offset = self.first + ahead
        assert self.window.acknowledge(next_offset) == (ahead > 0)
        self.first = next_offset
        self.kept = [(offset, size) for offset, size in self.kept if offset >= next_offset]
        self.unsent = [offset for offset in self.unsent if offset >= next_offset]

    @precondition(lambda self: self.first > 0)
    @rule()
    def go_backwards(self) -> None:
        with pytest.raises(UploadWentBackwards):
            self.window.acknowledge(self.first - 1)

    @invariant()
    def bounded(self) -> None:
        assert self.window.first == self.first
        assert self.window.empty == (not self.kept)
        assert self.window.size_bytes == sum(size for _, size in self.kept) <= LIMITS.size_bytes


TestWindow = WindowMachine.TestCase
TestWindow.settings = settings(deadline=None)


def test_limits_below_one_message_are_refused() -> None:
    """A window into which an article might never fit would wait for ever."""
    with pytest.raises(ValueError, match="size_bytes"):
        WindowLimits(size_bytes=1000)
    with pytest.raises(ValueError, match="articles"):
        WindowLimits(articles=0)


def test_patience_counts_from_the_last_move() -> None:
    """Only time without any move counts, and without a limit it never ends."""
    patience = Patience(5.0, now=100.0)
    patience.moved(110.0)
    assert patience.left_seconds(112.0) == 3.0
    assert Patience(None, now=0.0).left_seconds(1e9) is None
