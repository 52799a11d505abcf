"""Attacks with single calls."""

import contextlib
import gzip
import struct
import time
from collections.abc import Iterator

from attacks.attacking import Ground, attack
from attacks.wire import (
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    RST_STREAM,
    SETTINGS,
    ClosedError,
    Connection,
    block,
    block_of,
    frame,
    message,
    prefix,
)
from newstally_protos.v1 import tally_pb2, upload_pb2

GET = "newstally.v1.UploadService/GetUpload"
CREATE = "newstally.v1.UploadService/CreateUpload"
REFUSALS = "newstally.v1.UploadService/ListRefusals"
PUBLICATIONS = "newstally.v1.TallyService/ListPublications"
ENTITIES = "newstally.v1.TallyService/ListEntityTallies"
LARGE = 4 * 1024 * 1024
CANCEL = struct.pack(">I", 8)


def whole(connection: Connection, method: str, payload: bytes) -> bytes:
    """Return the bytes of a whole call."""
    stream = connection.reserve()
    return frame(HEADERS, END_HEADERS, stream, block(method)) + frame(
        0, END_STREAM, stream, message(payload)
    )


def calls_in_a_row(ground: Ground, payloads: Iterator[tuple[str, bytes]], number: int = 20) -> None:
    """Make whole calls on one connection, many at a time, as fast as they are answered."""

    def act(connection: Connection) -> None:
        connection.send(b"".join(whole(connection, *next(payloads)) for _ in range(number)))
        connection.pump(0.005)
        if len(connection.ended) > 5_000:
            raise ClosedError("enough of this one")

    ground.again(act)


@attack("calls")
def unfinished_calls(ground: Ground) -> None:
    """Large requests that lack their last bytes."""
    with ground.connections(2) as made:
        for _ in ground.rounds(0.01):
            for number, connection in enumerate(made):
                try:
                    stream = connection.open(GET)
                    connection.data(stream, prefix(LARGE) + bytes(LARGE - 1_000), seconds=0.5)
                except (ClosedError, OSError):
                    connection.close()
                    with contextlib.suppress(OSError, ClosedError):
                        made[number] = Connection(ground.gateway)


@attack("calls")
def trickling_calls(ground: Ground) -> None:
    """Requests that come byte by byte."""
    with ground.connections(10) as made:
        streams = [(c, c.open(GET)) for c in made for _ in range(90)]
        for connection, stream in streams:
            connection.data(stream, prefix(100))
        for _ in ground.rounds(0.2):
            for connection, stream in streams:
                with contextlib.suppress(ClosedError):
                    if stream not in connection.ended:
                        connection.data(stream, b"x", seconds=0.0)


@attack("calls")
def calls_without_requests(ground: Ground) -> None:
    """Headers only, as many as a connection takes."""
    with ground.connections(20) as made:
        for _ in ground.rounds(0.2):
            for connection in made:
                with contextlib.suppress(ClosedError):
                    for _ in range(5):
                        connection.open(PUBLICATIONS)


@attack("calls", burns=True)
def calls_reset_at_once(ground: Ground) -> None:
    """Open and cancel, as fast as it goes."""

    def act(connection: Connection) -> None:
        out = b""
        for _ in range(50):
            stream = connection.reserve()
            out += frame(HEADERS, END_HEADERS, stream, block(PUBLICATIONS))
            out += frame(RST_STREAM, 0, stream, CANCEL)
        connection.send(out)

    ground.again(act)


@attack("calls", burns=True)
def whole_calls_reset_at_once(ground: Ground) -> None:
    """Ask, and cancel before the answer."""

    def act(connection: Connection) -> None:
        out = b""
        for _ in range(50):
            out += whole(connection, PUBLICATIONS, b"")
            out += frame(RST_STREAM, 0, connection.last, CANCEL)
        connection.send(out)

    ground.again(act)


@attack("calls", burns=True)
def two_thousand_reads(ground: Ground) -> None:
    """Twenty connections ask all they may at once, again and again."""
    with ground.connections(20) as made:
        for _ in ground.rounds(0.02):
            for connection in made:
                with contextlib.suppress(ClosedError):
                    calls = b"".join(whole(connection, PUBLICATIONS, b"") for _ in range(5))
                    connection.send(calls)


@attack("calls")
def answers_not_read(ground: Ground) -> None:
    """Ask for much, and give the answer no window."""
    closed = frame(SETTINGS, 0, 0, struct.pack(">HI", INITIAL_WINDOW_SIZE, 0))
    with ground.connections(20) as made:
        for connection in made:
            connection.send(closed)
        for _ in ground.rounds(0.1):
            for number, connection in enumerate(made):
                try:
                    connection.send(whole(connection, PUBLICATIONS, b""))
                except ClosedError:
                    with contextlib.suppress(OSError, ClosedError):
                        made[number] = Connection(ground.gateway)
                        made[number].send(closed)


@attack("calls", burns=True)
def large_metadata(ground: Ground) -> None:
    """More metadata than anybody needs."""

    def act(connection: Connection) -> None:
        connection.open(PUBLICATIONS, [(b"x-large", b"m" * 14_000)], END_STREAM)

    ground.again(act)


@attack("calls", burns=True)
def much_metadata(ground: Ground) -> None:
    """Many small fields."""
    fields = [(b"x-%d" % number, b"v") for number in range(1_000)]
    ground.again(lambda connection: connection.send(_headers(connection, fields)))


def _headers(connection: Connection, fields: list[tuple[bytes, bytes]]) -> bytes:
    stream = connection.reserve()
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, block(PUBLICATIONS, fields))


@attack("calls", burns=True)
def odd_metadata(ground: Ground) -> None:
    """Deadlines, encodings and owners that make no sense."""
    odd = [
        (b"grpc-timeout", b"99999999H"),
        (b"grpc-timeout", b"-1S"),
        (b"grpc-timeout", b"0n"),
        (b"grpc-encoding", b"no-such"),
        (b"newstally-owner", b"somebody else"),
        (b"x-bin", b"\xff\xfe"),
        (b"content-type", b"text/plain"),
    ]

    def act(connection: Connection) -> None:
        stream = connection.open(GET, [ground.dice.choice(odd)])
        connection.data(stream, message(b""), END_STREAM)

    ground.again(act)


@attack("calls", burns=True)
def unknown_methods(ground: Ground) -> None:
    """Methods and services that are not there, and paths that name none."""

    def call(connection: Connection) -> bytes:
        made_up = f"/newstally.v1.No{ground.dice.randrange(10**9)}/Such".encode()
        path = ground.dice.choice([made_up, b"/\xff", b"//", b"nothing"])
        return frame(HEADERS, END_HEADERS | END_STREAM, connection.reserve(), block_of(path))

    def act(connection: Connection) -> None:
        connection.send(b"".join(call(connection) for _ in range(20)))
        connection.pump(0.005)

    ground.again(act)


@attack("requests", burns=True)
def false_lengths(ground: Ground) -> None:
    """Prefixes that promise gigabytes, or less than what comes."""

    def act(connection: Connection) -> None:
        size = ground.dice.choice([2**32 - 1, LARGE + 1, LARGE, 1, 0])
        stream = connection.open(ground.dice.choice([GET, STREAM]))
        connection.data(stream, prefix(size) + bytes(50), END_STREAM)

    ground.again(act)


STREAM = "newstally.v1.GatewayService/StreamArticles"


@attack("requests")
def compression_bombs(ground: Ground) -> None:
    """A gigabyte of zeros in a megabyte."""
    bomb = message(gzip.compress(bytes(1 << 30), 9), 1)
    for method in (GET, STREAM):
        if not ground.going():
            return
        with contextlib.suppress(OSError, ClosedError):
            connection = Connection(ground.gateway)
            stream = connection.open(method, [(b"grpc-encoding", b"gzip")])
            connection.data(stream, bomb, END_STREAM, seconds=3.0)
            connection.pump(0.5)
            connection.close()


@attack("requests", burns=True)
def false_compression(ground: Ground) -> None:
    """What says it is compressed, and is not."""

    def act(connection: Connection) -> None:
        stream = connection.open(GET, [(b"grpc-encoding", b"gzip")])
        connection.data(stream, message(ground.dice.randbytes(100), 1), END_STREAM)

    ground.again(act)


@attack("requests", burns=True)
def malformed_requests(ground: Ground) -> None:
    """Bytes that are no message."""

    def payloads() -> Iterator[tuple[str, bytes]]:
        while True:
            yield ground.dice.choice([GET, CREATE, ENTITIES]), b"\xff" + ground.dice.randbytes(40)

    calls_in_a_row(ground, payloads())


@attack("requests", burns=True)
def nested_requests(ground: Ground) -> None:
    """Unknown groups, one in the other, deeper than any parser goes."""

    def payloads() -> Iterator[tuple[str, bytes]]:
        while True:
            yield GET, b"\x7b" * 5_000 + b"\x7c" * 5_000

    calls_in_a_row(ground, payloads(), 5)


@attack("ids", burns=True)
def odd_ids(ground: Ground) -> None:
    """Ids that nobody can have, and ids that nobody has."""
    odd = ["../../etc/passwd", "a" * 5_000, "\x00", "💥", "' OR 1=1 --", "nobody", "-", ""]

    def payloads() -> Iterator[tuple[str, bytes]]:
        while True:
            request = upload_pb2.GetUploadRequest(upload_id=ground.dice.choice(odd))
            yield GET, request.SerializeToString()

    calls_in_a_row(ground, payloads())


@attack("ids", burns=True)
def odd_tokens(ground: Ground) -> None:
    """Page tokens that were never given out."""
    odd = ["x", "W10=", "WyIiXQ==", "[" * 60_000, "e30=" * 1_000, "9" * 10_000]

    def payloads() -> Iterator[tuple[str, bytes]]:
        while True:
            token, size = ground.dice.choice(odd), ground.dice.choice([-1, 0, 2**31 - 1])
            request = tally_pb2.ListPublicationsRequest(page_token=token, page_size=size)
            yield PUBLICATIONS, request.SerializeToString()

    calls_in_a_row(ground, payloads(), 5)


@attack("ids")
def uploads_for_nothing(ground: Ground) -> None:
    """Make uploads that are never used."""

    def act(connection: Connection) -> None:
        name = f"nothing-{ground.seed}-{ground.dice.randrange(10**12)}"
        request = upload_pb2.CreateUploadRequest(upload_id=name).SerializeToString()
        connection.send(whole(connection, CREATE, request))

    ground.again(act, pause=0.005)


@attack("calls", burns=True)
def watchers(ground: Ground) -> None:
    """Watch the health of services that are not there, and read nothing."""

    def act(connection: Connection) -> None:
        name = b"\x0a\x04" + b"%04d" % ground.dice.randrange(10_000)
        stream = connection.open("grpc.health.v1.Health/Watch")
        connection.data(stream, message(name), END_STREAM)
        time.sleep(0.001)

    ground.again(act)
