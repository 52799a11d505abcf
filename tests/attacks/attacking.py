"""What an attack is, and what it needs."""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from attacks.wire import ClosedError, Connection

SHARE = 0.8
"""Of its throughput, what an innocent upload keeps."""
BURNING_SHARE = 0.6
"""The same beside a flood that keeps a core busy by itself."""


@dataclass
class Ground:
    """Where an attack takes place, for how long, and the dice it throws."""

    gateway: int
    """Port."""
    extractor: int
    seconds: float
    seed: int = 1
    dice: random.Random = field(init=False)
    until: float = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self.until = time.monotonic() + self.seconds

    def going(self) -> bool:
        """Whether there is time left."""
        return time.monotonic() < self.until

    def rounds(self, pause: float = 0.0) -> Iterator[int]:
        """Count rounds until time is over."""
        number = 0
        while self.going():
            yield number
            number += 1
            if pause:
                time.sleep(pause)

    @contextlib.contextmanager
    def connections(self, number: int, *, hello: bool = True) -> Iterator[list[Connection]]:
        """Open connections, as far as they are taken; close them in the end."""
        made: list[Connection] = []
        try:
            for _ in range(number):
                if not self.going():
                    break
                with contextlib.suppress(OSError, ClosedError):
                    made.append(Connection(self.gateway, hello=hello))
            yield made
        finally:
            for connection in made:
                connection.close()

    def again(self, act: Callable[[Connection], None], pause: float = 0.0) -> None:
        """Do something with a connection over and over; with a new one when it was closed."""
        connection: Connection | None = None
        try:
            for _ in self.rounds(pause):
                try:
                    connection = connection or Connection(self.gateway)
                    act(connection)
                    connection.pump(0.0)
                    if not connection.alive:
                        raise ClosedError("it was told to go away")  # noqa: TRY301
                except (OSError, ClosedError):
                    if connection is not None:
                        connection.close()
                    connection = None
                    time.sleep(0.002)
        finally:
            if connection is not None:
                connection.close()


@dataclass(frozen=True, slots=True)
class Attack:
    """One way to bother a server."""

    name: str
    kind: str
    run: Callable[[Ground], None]
    burns: bool
    """It keeps a core busy, and the gateway with it."""

    @property
    def share(self) -> float:
        """What an innocent upload shall keep beside it."""
        return BURNING_SHARE if self.burns else SHARE


CATALOGUE: dict[str, Attack] = {}
"""By name."""


def attack(
    kind: str, *, burns: bool = False
) -> Callable[[Callable[[Ground], None]], Callable[[Ground], None]]:
    """Put a function into the catalogue, under its own name."""

    def enter(run: Callable[[Ground], None]) -> Callable[[Ground], None]:
        name = run.__name__
        CATALOGUE[name] = Attack(name, kind, run, burns)
        return run

    return enter
