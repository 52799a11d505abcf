"""Attacks on an extractor, by somebody who can reach its port."""

import contextlib

from attacks.attacking import Ground, attack
from attacks.wire import ClosedError, Connection, message
from newstally_protos.v1 import extractor_pb2

EXTRACT = "newstally.v1.ExtractorService/Extract"


@attack("links")
def idle_links(ground: Ground) -> None:
    """Links that want nothing, but count."""
    made = []
    try:
        for _ in range(5):
            with contextlib.suppress(OSError, ClosedError):
                connection = Connection(ground.extractor)
                made.append(connection)
                for _ in range(90):
                    connection.open(EXTRACT)
        for _ in ground.rounds(0.2):
            for connection in made:
                with contextlib.suppress(ClosedError):
                    connection.pump(0.0)
    finally:
        for connection in made:
            connection.close()


@attack("links")
def malformed_links(ground: Ground) -> None:
    """Links on which nothing can be decoded."""
    while ground.going():
        with contextlib.suppress(OSError, ClosedError):
            connection = Connection(ground.extractor)
            for _ in range(50):
                stream = connection.open(EXTRACT)
                connection.data(stream, message(b"\xff" + ground.dice.randbytes(30)))
            connection.pump(0.2)
            connection.close()


@attack("links")
def modest_links(ground: Ground) -> None:
    """Ten links that each want an article done now and then."""
    with contextlib.suppress(OSError, ClosedError):
        connection = Connection(ground.extractor)
        streams = [connection.open(EXTRACT) for _ in range(10)]
        for turn in ground.rounds(0.5):
            work = extractor_pb2.Work(id=turn + 1, content="Ada met Bob in Cairo. " * 50)
            request = extractor_pb2.ExtractRequest(work=[work]).SerializeToString()
            for stream in streams:
                connection.data(stream, message(request), seconds=0.1)
            connection.pump(0.0)
        connection.close()
