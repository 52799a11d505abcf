"""Attacks with streams of articles."""

import contextlib

from attacks.attacking import Ground, attack
from attacks.calls import CANCEL, CREATE, LARGE, STREAM, whole
from attacks.wire import (
    DATA,
    END_HEADERS,
    HEADERS,
    RST_STREAM,
    ClosedError,
    Connection,
    block,
    frame,
    message,
    prefix,
)
from newstally_protos.v1 import article_pb2, gateway_pb2, upload_pb2


def first(upload_id: str, content: str, offset: int = 0) -> bytes:
    """Return a first message, with its prefix."""
    request = gateway_pb2.StreamArticlesRequest(
        upload_id=upload_id,
        offset=offset,
        article=article_pb2.Article(publication="Attacker", content=content),
    )
    return message(request.SerializeToString())


def following(content: str) -> bytes:
    """Return a message after the first one."""
    article = article_pb2.Article(publication="Attacker", content=content)
    return message(gateway_pb2.StreamArticlesRequest(article=article).SerializeToString())


def create(connection: Connection, upload_id: str, seconds: float = 0.05) -> None:
    """Make an upload, and wait a moment."""
    request = upload_pb2.CreateUploadRequest(upload_id=upload_id).SerializeToString()
    connection.send(whole(connection, CREATE, request))
    connection.pump(seconds)


class Holder:
    """A stream with an upload of its own, opened again when it is ended."""

    def __init__(self, ground: Ground, connection: Connection, name: str) -> None:
        self._ground = ground
        self._connection = connection
        self._name = name
        self._stream = 0
        self._offset = 0

    def say(self, content: str) -> None:
        """Send an article."""
        if not self._stream or self._stream in self._connection.ended:
            self._stream = self._connection.open(STREAM)
            self._connection.data(self._stream, first(self._name, content), seconds=0.0)
        else:
            self._connection.data(self._stream, following(content), seconds=0.0)


@attack("streams")
def places_held(ground: Ground) -> None:
    """160 streams, each with a tiny article every two seconds."""
    with ground.connections(4) as made:
        for number, connection in enumerate(made):
            for each in range(40):
                create(connection, f"held-{ground.seed}-{number}-{each}", seconds=0.0)
            connection.pump(0.1)
        holders = [
            Holder(ground, connection, f"held-{ground.seed}-{number}-{each}")
            for number, connection in enumerate(made)
            for each in range(40)
        ]
        for _ in ground.rounds(2.0):
            for holder in holders:
                with contextlib.suppress(ClosedError, OSError):
                    holder.say("Ada.")


@attack("streams")
def streams_without_a_message(ground: Ground) -> None:
    """Open streams and say nothing, and again when they are ended."""
    with ground.connections(4) as made:
        for _ in ground.rounds(0.1):
            for connection in made:
                with contextlib.suppress(ClosedError, OSError):
                    for _ in range(10):
                        connection.open(STREAM)
                    connection.pump(0.0)


@attack("streams")
def unfinished_articles(ground: Ground) -> None:
    """Streams whose first message lacks its last bytes."""
    with ground.connections(3) as made:
        for _ in ground.rounds(0.01):
            for number, connection in enumerate(made):
                try:
                    stream = connection.open(STREAM)
                    connection.data(stream, prefix(LARGE) + bytes(LARGE - 1_000), seconds=0.3)
                except (ClosedError, OSError):
                    connection.close()
                    with contextlib.suppress(OSError, ClosedError):
                        made[number] = Connection(ground.gateway)


@attack("streams", burns=True)
def malformed_articles(ground: Ground) -> None:
    """Messages on streams that cannot be parsed."""

    def act(connection: Connection) -> None:
        stream = connection.open(STREAM)
        connection.data(stream, message(b"\xff" + ground.dice.randbytes(50)))
        connection.pump(0.001)

    ground.again(act)


@attack("streams", burns=True)
def articles_of_nobody(ground: Ground) -> None:
    """Streams for uploads that are not there, or at offsets that leave gaps."""

    def act(connection: Connection) -> None:
        stream = connection.open(STREAM)
        name = ground.dice.choice(["nobody", "../x", "", "a" * 200])
        connection.data(stream, first(name, "text", ground.dice.choice([-1, 5, 2**62])))
        connection.pump(0.002)

    ground.again(act)


@attack("streams")
def departed_clients(ground: Ground) -> None:
    """Send forty long articles, and leave before they are counted."""
    for turn in ground.rounds(1.0):
        with contextlib.suppress(OSError, ClosedError):
            connection = Connection(ground.gateway)
            name = f"departed-{ground.seed}-{turn}"
            create(connection, name)
            stream = connection.open(STREAM)
            text = "Ada met Bob in Cairo. " * 450
            connection.data(stream, first(name, text))
            for _ in range(39):
                connection.data(stream, following(text), seconds=0.2)
            connection.pump(0.3)
            connection.close()


@attack("streams")
def streams_reset(ground: Ground) -> None:
    """Streams that are cancelled in the middle of an article."""

    def act(connection: Connection) -> None:
        stream = connection.open(STREAM)
        connection.data(stream, prefix(100_000) + bytes(5_000), seconds=0.0)
        connection.reset(stream)

    ground.again(act, pause=0.002)


@attack("streams", burns=True)
def streams_reset_at_once(ground: Ground) -> None:
    """Open streams with an article, and cancel them, as fast as it goes."""

    def act(connection: Connection) -> None:
        out = b""
        for _ in range(50):
            stream = connection.reserve()
            out += frame(HEADERS, END_HEADERS, stream, block(STREAM))
            out += frame(DATA, 0, stream, first("nobody", "Ada met Bob."))
            out += frame(RST_STREAM, 0, stream, CANCEL)
        connection.send(out)

    ground.again(act)
