"""Attacks with texts that cost more than they look."""

import contextlib
from collections.abc import Callable

from attacks.attacking import Ground, attack
from attacks.calls import STREAM
from attacks.streams import create, first, following
from attacks.wire import ClosedError, Connection

TEXT_BYTES = 20_000
SHAPES = {
    "equals_signs": "=",
    "exclamations": "!?",
    "quotes": "\"'",
    "brackets": "([{",
    "commas": ",;",
    "dots": "...a",
    "hyphens": "a-",
    "slashes": "http://a/",
    "hashes": "#",
    "letters": "a",
    "accents": "a\u0301",
    "emoji": "\U0001f600\u200d",
    "one_letter_words": "a ",
    "capitals": "Ab ",
}
"""By name, what a text is made of."""


def _sending(unit: str, name: str) -> Callable[[Ground], None]:
    def run(ground: Ground) -> None:
        text = unit * (TEXT_BYTES // len(unit.encode()))
        with contextlib.suppress(OSError, ClosedError):
            connection = Connection(ground.gateway)
            upload_id = f"{name}-{ground.seed}"
            create(connection, upload_id)
            stream = connection.open(STREAM)
            connection.data(stream, first(upload_id, text))
            for _ in ground.rounds(0.5):
                connection.data(stream, following(text), seconds=0.2)
            connection.close()

    run.__name__ = f"text_of_{name}"
    run.__doc__ = f"Two articles a second of nothing but {unit!r}."
    return run


for _name, _unit in SHAPES.items():
    attack("texts")(_sending(_unit, _name))
