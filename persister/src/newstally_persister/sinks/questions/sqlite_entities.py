"""One entity by day and by publication, and names by their beginning, in the embedded sink."""

import re
import sqlite3
from collections.abc import Iterator

from newstally_persister.sinks.base import EntityTally, PageLimits
from newstally_persister.sinks.derived.words import AFTER_ALL, entities
from newstally_persister.sinks.questions.asked import (
    Days,
    DayTally,
    Found,
    History,
    Mentioning,
    Name,
    NamePosition,
    PublicationMentions,
    PublicationPosition,
    first_day_of,
    iso_day,
)
from newstally_persister.sinks.questions.sqlite_scope import FIRST_DAY, Scope, ends
from newstally_persister.sinks.sqlite_rows import ABOVE_ALL, page

_NAMES_AT_MOST = 100_000
"""Names that one call looks at."""
_NUMBER = re.compile("[0-9]{1,18}")
"""Of an entity, as a position has it."""
_NO_TALLY = DayTally("", 0, 0, 0)


def history(
    connection: sqlite3.Connection,
    publication: str | None,
    name: Name,
    days: Days,
    limits: PageLimits,
    after: str | None,
) -> History:
    """See Questions.history."""
    scope = Scope(connection, publication)
    entity, tally = scope.entity(name)
    rows = (
        "FROM publication_days d LEFT JOIN entity_days e "
        "ON e.day = d.day AND e.publication = d.publication AND e.entity = :entity "
    )
    found = connection.execute(
        "SELECT d.day, coalesce(sum(e.mentions), 0), coalesce(sum(e.articles), 0), sum(d.articles) "
        f"{rows}WHERE d.day BETWEEN :first AND :last AND d.day > :after {scope.of('d')}"
        "GROUP BY d.day HAVING sum(d.articles) > 0 OR sum(e.mentions) > 0 "
        "ORDER BY d.day LIMIT :number",
        {
            **scope.parameters,
            **ends(days),
            "entity": entity,
            "after": FIRST_DAY if after is None else first_day_of(after),
            "number": limits.items + 1,
        },
    )
    listed = page((DayTally(iso_day(row[0]), *row[1:]) for row in found), lambda _: "", limits)
    if after is not None:
        return History(tally, listed, _NO_TALLY)
    # What is listed is added up already.
    beyond = "1" if listed.more else "d.day NOT BETWEEN :first AND :last"
    others = connection.execute(
        f"SELECT total(e.mentions), total(e.articles), total(d.articles) {rows}"
        f"WHERE {beyond} {scope.of('d')}",
        {**scope.parameters, **ends(days), "entity": entity},
    ).fetchone()
    here = [] if listed.more else [day[1:] for day in listed.items]
    dated = (sum(map(int, each)) for each in zip(others, *here, strict=True))
    counted = (tally.mentions, tally.articles, scope.articles(Days()))
    without = (all_ - some for all_, some in zip(counted, dated, strict=True))
    return History(tally, listed, DayTally("", *without))


def publications(
    connection: sqlite3.Connection,
    name: Name,
    days: Days,
    limits: PageLimits,
    after: PublicationPosition | None,
) -> Mentioning:
    """See Questions.publications."""
    entity, tally = Scope(connection, None).entity(name)
    mentions, key = after or (ABOVE_ALL, "")
    rows = (
        "publication_tallies p CROSS JOIN entity_tallies e ON e.publication = p.publication "
        "AND e.entity = :entity"
        if days.all
        else "publication_tallies p CROSS JOIN publication_days d ON d.publication = p.publication "
        "AND d.day BETWEEN :first AND :last LEFT JOIN entity_days e "
        "ON e.day = d.day AND e.publication = d.publication AND e.entity = :entity"
    )
    counted = "p.articles" if days.all else "d.articles"
    found = connection.execute(
        "SELECT p.key, p.name, sum(e.mentions) AS mentions, sum(e.articles), "
        f"sum({counted}) FROM {rows} GROUP BY p.publication "
        "HAVING sum(e.mentions) > 0 AND (-sum(e.mentions), p.key) > (:rank, :key) "
        "ORDER BY mentions DESC, p.key LIMIT :number",
        {
            **ends(days),
            "entity": entity,
            "rank": -mentions,
            "key": key,
            "number": limits.items + 1,
        },
    )
    listed = page(
        (PublicationMentions(*row) for row in found), lambda each: each.key + each.name, limits
    )
    return Mentioning(tally, listed)


def find(
    connection: sqlite3.Connection,
    publication: str | None,
    beginning: str,
    label: str,
    limits: PageLimits,
    after: NamePosition | None,
) -> Found:
    """See Questions.find."""
    scope = Scope(connection, publication)
    items: list[EntityTally] = []
    size = 0
    position = after or (beginning, "")
    names = _beginning(connection, scope, beginning, label, position)
    for looked_at, (position_of, found) in enumerate(names, 1):
        if found is not None:
            size += len((found.text + found.label + found.name).encode())
            if items and (len(items) == limits.items or size > limits.size_bytes):
                return Found(items, position)
            items.append(found)
        position = position_of
        if looked_at == _NAMES_AT_MOST:
            return Found(items, position)
    return Found(items, None)


def _beginning(
    connection: sqlite3.Connection, scope: Scope, beginning: str, label: str, after: NamePosition
) -> Iterator[tuple[NamePosition, EntityTally | None]]:
    """Yield names behind a position, None instead of one that is not wanted."""
    if not after[0].startswith(AFTER_ALL):
        names = connection.execute(
            "SELECT entity, text, label, coalesce(display, '') FROM entity_names "
            "WHERE (text, label) > (?, ?) AND text < ? ORDER BY text, label",
            (*after, beginning + AFTER_ALL),
        )
        for entity, *name in names:
            yield (name[0], name[1]), _wanted(connection, scope, label, entity, *name)
        after = AFTER_ALL, "0"
    # Behind all whose own text begins so.
    number = int(after[1]) if _NUMBER.fullmatch(after[1]) else 0
    place = after[0].removeprefix(AFTER_ALL), number
    for rest, entity in entities(connection, beginning, place):
        name = connection.execute(
            "SELECT text, label, coalesce(display, '') FROM entity_names WHERE entity = ?",
            (entity,),
        ).fetchone()
        yield (AFTER_ALL + rest, str(entity)), _wanted(connection, scope, label, entity, *name)


def _wanted(
    connection: sqlite3.Connection,
    scope: Scope,
    wanted_label: str,
    entity: int,
    text: str,
    label: str,
    name: str,
) -> EntityTally | None:
    """Return the tally of an entity in the scope; None where it has none, or another label."""
    if wanted_label not in ("", label):
        return None
    mentions, articles = connection.execute(
        "SELECT total(e.mentions), total(e.articles) FROM publication_tallies p "
        "CROSS JOIN entity_tallies e ON e.publication = p.publication AND e.entity = :entity "
        f"WHERE 1 {scope.of('p')}",
        {**scope.parameters, "entity": entity},
    ).fetchone()
    return EntityTally(text, label, int(mentions), int(articles), name) if mentions else None
