"""Attacks with connections alone."""

import contextlib
import socket

from attacks.attacking import Ground, attack
from attacks.wire import PREFACE, SETTINGS, ClosedError, Connection, frame


@attack("connections")
def silent_connections(ground: Ground) -> None:
    """Connect and say nothing."""
    with ground.connections(400, hello=False):
        for _ in ground.rounds(0.1):
            pass


@attack("connections")
def idle_connections(ground: Ground) -> None:
    """Say hello, and nothing more."""
    with ground.connections(450) as made:
        for _ in ground.rounds(0.2):
            for connection in made:
                with contextlib.suppress(ClosedError):
                    connection.pump(0.0)


@attack("connections")
def too_many_connections(ground: Ground) -> None:
    """More than the gateway takes, and again whenever one is closed."""
    with ground.connections(1_000) as made:
        for _ in ground.rounds(0.05):
            for number, connection in enumerate(made):
                try:
                    connection.pump(0.0)
                    if connection.alive:
                        continue
                except ClosedError:
                    pass
                connection.close()
                with contextlib.suppress(OSError, ClosedError):
                    made[number] = Connection(ground.gateway)


@attack("connections", burns=True)
def connections_that_come_and_go(ground: Ground) -> None:
    """Connect, say hello, close, as fast as it goes."""
    for _ in ground.rounds():
        with contextlib.suppress(OSError, ClosedError):
            Connection(ground.gateway).close()


@attack("connections")
def slow_hellos(ground: Ground) -> None:
    """Send the preface byte by byte."""
    made = []
    hello = PREFACE + frame(SETTINGS, 0, 0)
    try:
        for _ in range(200):
            with contextlib.suppress(OSError):
                made.append(socket.create_connection(("127.0.0.1", ground.gateway), timeout=5))
        for turn in ground.rounds(0.3):
            for connection in made:
                with contextlib.suppress(OSError):
                    connection.send(hello[turn : turn + 1])
    finally:
        for connection in made:
            connection.close()


@attack("connections", burns=True)
def no_http(ground: Ground) -> None:
    """Send what is no HTTP/2 at all."""
    request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    for _ in ground.rounds(0.001):
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", ground.gateway), timeout=5)
            with connection:
                connection.sendall(request + ground.dice.randbytes(100))
