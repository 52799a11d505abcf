"""Progress without a terminal: lines."""

from datetime import UTC, datetime

from newstally.cli.uploading.display import LineDisplay, Piping
from newstally.errors import GatewayUnavailable
from newstally.values import Progress, Upload, UploadEvent, Waiting


class Screen:
    """A display over a clock of its own, and what it said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._now = 0.0
        self._display = LineDisplay(1000, "host:1", self.said.append, lambda: self._now)

    def show(self, event: UploadEvent, *times: float) -> None:
        for self._now in times:
            self._display(event)


def test_lines_say_how_far_it_is() -> None:
    """Without a terminal: a line every 5 s, but none that says the same again."""
    screen = Screen()
    for now in (0.0, 2.0, 4.0, 5.0, 7.0):
        screen.show(Progress(upload(int(now) * 10)), now)
    assert screen.said == ["settled 50 of 1,000 articles, 10/s, about 95 s left"]
    screen.show(Progress(upload(70)), 10.0, 12.0, 16.0, 21.0)
    assert len(screen.said) == 2


def test_lines_say_once_what_is_waited_for() -> None:
    """A line soon after the gateway went away, one per kind of trouble, one when it goes on; what
    lasts is told again after half a minute."""
    screen = Screen()
    refused = Waiting(GatewayUnavailable("refused (UNAVAILABLE)"), 0.1)
    screen.show(refused, 0.0, 0.9)
    assert screen.said == []
    screen.show(refused, 1.1, 9.0, 20.0)
    assert screen.said == ["waiting for gateway host:1: refused"]
    for now in (20.0, 20.1, 20.2):
        screen.show(Waiting(GatewayUnavailable("draining"), 0.1), now)
        screen.show(refused, now)
    assert screen.said[1:] == ["waiting for gateway host:1: draining"]
    screen.show(refused, 20.3, 31.0, 31.2)
    assert screen.said[2:] == ["waiting for gateway host:1: refused"]
    screen.show(Progress(upload(0)), 91.0, 92.0)
    assert screen.said[3:] == ["gateway host:1 goes on"]


def test_what_is_piped_is_told_soon_and_then_every_five_seconds() -> None:
    """Also while nothing comes; not of a pipe that is read at once."""
    told: list[int] = []
    times = iter((0.0, 0.1, 0.2, 3.0, 5.1, 5.2, 10.2))  # the first when it is made
    piping = Piping(told.append, lambda: next(times))
    for size in (5, 7, 8, 8, 8, 9):
        piping(size)
    assert told == [7, 8, 9]


def test_lines_say_at_once_that_a_gateway_has_gone_silent() -> None:
    """It has been silent for long when that is noticed; one that breaks off has not."""
    screen = Screen()
    gone = Waiting(GatewayUnavailable("the gateway has gone silent"), 0.1)
    screen.show(Progress(upload(10)), 1.0, 4.9)
    screen.show(gone, 10.8)
    assert screen.said == []
    screen.show(Progress(upload(10)), 10.9)
    screen.show(gone, 30.9)
    assert screen.said[-1:] == ["waiting for gateway host:1: the gateway has gone silent"]


def test_lines_tell_once_that_a_gateway_settles_nothing() -> None:
    """Heartbeats alone are no progress; a failure and a heartbeat in turn are one trouble."""
    screen = Screen()
    screen.show(Progress(upload(0)), 0.0, 5.0, 14.9)
    assert screen.said == []
    screen.show(Progress(upload(0)), 15.0, 20.0, 44.0)
    assert [line.partition(";")[0] for line in screen.said] == [
        "waiting for gateway host:1: it answers, but settles nothing"
    ]
    for now in (44.1, 44.2, 44.3):
        screen.show(Waiting(GatewayUnavailable("busy"), 2.0), now)
        screen.show(Progress(upload(0)), now)
    assert screen.said[1:] == ["waiting for gateway host:1: busy"]
    screen.show(Progress(upload(10)), 64.0)
    assert screen.said[2] == "gateway host:1 goes on"


def upload(next_offset: int) -> Upload:
    time = datetime(2026, 1, 1, tzinfo=UTC)
    return Upload("job", next_offset, 0, next_offset, 0, 0, (), time, time)
