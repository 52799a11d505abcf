"""Names by the beginning of any word but their first: by that one the table of names has them.

Each name has a row for the rest of it from each further word on, cut short. Names are only added,
with ascending numbers, whoever adds them; so what has no rows yet are the names above a number,
which `step` moves on. They are looked through where names are looked for.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterator
from heapq import merge

from newstally_persister.sqlite.transactions import transaction
from newstally_persister.sqlite.upserts import Upsert

TABLES = ("entity_words", "named_words")
_CUT = 48
"""Characters of a rest that are kept: what is longer is compared with the name itself."""
NAMES_A_STEP = 20_000
AFTER_ALL = "\U0010ffff"
"""No text goes on with it: it is no character."""
_MADE = (
    """CREATE TABLE IF NOT EXISTS entity_words (
        rest TEXT NOT NULL,
        entity INTEGER NOT NULL,
        PRIMARY KEY (rest, entity)
    ) STRICT, WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS named_words (last INTEGER NOT NULL) STRICT",
)
_WORDS = Upsert("entity_words", ("rest", "entity"))
_LAST = "(SELECT coalesce(max(last), 0) FROM named_words)"
_ASCII_RESTS = re.compile(f"(?<![0-9A-Za-z])(?=([0-9A-Za-z].{{0,{_CUT - 1}}}))", re.DOTALL)
Place = tuple[str, int]
"""(rest, entity): what the list is ordered by."""


def prepare(connection: sqlite3.Connection, *, anew: bool) -> None:
    """Make the tables where they are missing, or anew for other names. In a transaction."""
    if anew:
        for table in TABLES:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
    for statement in _MADE:
        connection.execute(statement)


def step(connection: sqlite3.Connection, names: int = NAMES_A_STEP) -> bool:
    """Add the words of some names, in one transaction; return whether there were any."""
    with transaction(connection):
        found = connection.execute(
            f"SELECT entity, text FROM entity_names WHERE entity > {_LAST} ORDER BY entity LIMIT ?",
            (names,),
        ).fetchall()
        if not found:
            return False
        rows = {(rest, entity) for entity, text in found for rest in _rests(text)}
        _WORDS.run(connection, sorted(rows))
        connection.execute("DELETE FROM named_words")
        connection.execute("INSERT INTO named_words VALUES (?)", (found[-1][0],))
        return True


def rests(text: str) -> set[str]:
    """Return the text from each of its words on but the first, cut short. Pure."""
    return set(_rests(text))


def entities(connection: sqlite3.Connection, beginning: str, after: Place) -> Iterator[Place]:
    """Yield entities of which a further word begins so, each once, behind a place.

    Not those whose text itself begins so.
    """
    key = beginning[:_CUT]
    known = connection.execute(
        "SELECT rest, entity, text FROM entity_words CROSS JOIN entity_names USING (entity) "
        "WHERE (rest, entity) > (?, ?) AND rest >= ? AND rest < ? ORDER BY rest, entity",
        (*after, key, key + AFTER_ALL),
    )
    new = sorted(
        (rest, entity, text)
        for entity, text in connection.execute(
            f"SELECT entity, text FROM entity_names WHERE entity > {_LAST} AND instr(text, ?) > 1",
            (beginning,),
        )
        for rest in rests(text)
        if rest.startswith(key) and (rest, entity) > after
    )
    for rest, entity, text in merge(known, new):
        if text.startswith(beginning):
            continue
        # Mostly it stands there once, and then this is the place.
        once = len(beginning) <= _CUT and text.find(beginning) == text.rfind(beginning)
        if once or rest == _least(text, beginning):
            yield rest, entity


def _least(text: str, beginning: str) -> str | None:
    """Return the first in order of the rests that begin so."""
    return min(
        (text[at : at + _CUT] for at in _starts(text) if text.startswith(beginning, at)),
        default=None,
    )


def _rests(text: str) -> list[str]:
    if text.isascii():  # the same, several times as fast
        return _ASCII_RESTS.findall(text, 1)
    return [text[at : at + _CUT] for at in _starts(text)]


def _starts(text: str) -> list[int]:
    """Return where a word begins, but for the first place."""
    starts = []
    inside = True
    for at, sign in enumerate(text):
        begins = sign.isalnum()
        if begins and not inside:
            starts.append(at)
        # A mark belongs to the letter before it.
        inside = begins or (inside and unicodedata.category(sign).startswith("M"))
    return starts
