"""What a row takes of Firestore's limits. Pure; an upper bound by the published size rules.

A commit may change 10 MiB in all: documents *and* index entries
(https://cloud.google.com/firestore/quotas, https://cloud.google.com/firestore/docs/storage-size):

    string            its UTF-8 bytes + 1; also ids, field names and texts
    document name     its collections' and documents' ids + 16
    document          its name, its fields' names and values, + 32; a whole number takes 8
    index entry       the document's name, its parent's name, the field's name (where the index is
                      of one field), the values (1,500 bytes of each at most), + 32

Each field has two entries of its own, ascending and descending, unless the database exempts it. A
persister does not know whether it does, so here none is exempt; and an entry whose value changes
counts twice, because the one before is taken away. With that a row of usual texts is bounded at
about 4 KB, and one of 1,000-byte texts at 50.
"""

from functools import lru_cache

from newstally_persister.sinks.firestore.days import PERIODS_LIMIT
from newstally_persister.sinks.firestore.ids import entity_id, order_key, publication_id
from newstally_persister.values.parts import PublicationRow, Row

COMMIT_LIMIT_BYTES = 10 * 1024 * 1024
"""Firestore takes no larger request, and changes no more in one commit."""
PART_LIMIT_BYTES = COMMIT_LIMIT_BYTES * 4 // 5
"""Of a part's rows as they are bounded here: the rest is for receipt, mark and what the rules do
not say."""

_COMPOSITES_OF_PUBLICATIONS = 1
_COMPOSITES_OF_ENTITIES = 3
"""Composite indexes: those of firestore/firestore.indexes.json, and one more of entities."""
_INDEXED_BYTES = 1_500
_COUNTS = ("mentions", "articles")
_COUNT_BYTES = len("mentions") + 1 + 8
"""Name and value of one count; both names are equally long."""
_PERIOD_BYTES = len("months.`2026-11`.mentions") + 1 + 8
"""Path and value of one count of a day or a month."""
_DAYS_BYTES = 6 * 1024
"""What a document usually holds by day and month, at most: see `days`. Where many of one part hold
more, or old days are deleted and the database was not told that they need no index, Firestore
refuses the part, and it is planned anew in halves."""


def row_bytes(row: Row) -> int:
    """Return at most what the row's document and its index entries take of a commit."""
    if isinstance(row, PublicationRow):
        parent, name = 0, _publication(row.key)
        composites = _COMPOSITES_OF_PUBLICATIONS
        texts = [("name", row.name), ("key", order_key(row.key))]
    else:
        parent = _publication(row.publication_key)
        name = parent + _string("entities") + _string(entity_id(row.text, row.label))
        composites = _COMPOSITES_OF_ENTITIES
        texts = [("text", row.text), ("label", row.label), ("key", order_key(row.text))]
        if row.name:
            texts.append(("name", row.name))
    entry = name + parent + 32
    # A count's entries are two, and each takes the place of one before.
    total = name + 32 + len(_COUNTS) * (_COUNT_BYTES + 4 * (entry + _COUNT_BYTES))
    indexed = len(_COUNTS) * 8
    for field, text in texts:
        size = _string(text)
        part = min(size, _INDEXED_BYTES)
        total += _string(field) + size + 2 * (entry + _string(field) + part)
        indexed += part
    # Each composite index has the mentions in it, so each of its entries moves.
    total += 2 * composites * (entry + indexed)
    if not row.days:
        return total
    # Its day and its month, two counts each: entries as above.
    total += 4 * 4 * (entry + _PERIOD_BYTES) + _DAYS_BYTES
    return total + min(len(row.days), PERIODS_LIMIT) * 2 * 2 * _PERIOD_BYTES


def _string(text: str) -> int:
    return len(text.encode()) + 1


@lru_cache(maxsize=256)
def _publication(key: str) -> int:
    """Return the size of a publication's document name: neighbouring rows have the same one."""
    return _string("publications") + _string(publication_id(key)) + 16
