"""How rows of segments become rows of leaves. Pure.

A fold goes through the keys of one table of a publication, upwards. Each of its commits moves the
rows up to some key from the pieces that it folds into leaves, and says so in the head, which it
demands to be as it was read: so folds and closes happen one after the other, and a number is always
in the log, in a piece or in a leaf, and never in two of them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.keys import day_key, table_end, total_key
from newstally_persister.sinks.firestore.compact.rows import Place, Tallied
from newstally_persister.sinks.firestore.writes import Write

DOCUMENT_BYTES = 400
"""What a leaf takes beside its rows and the ids that its publication has."""


@dataclass(frozen=True, slots=True)
class FoldLimits:
    """How large documents and commits become, in bytes of Firestore's documents."""

    log_bytes: int = 880 * 1024
    """A log is closed before it gets larger; Firestore takes 1 MiB."""
    leaf_bytes: int = 512 * 1024
    """A leaf that gets larger is cut into pieces of half of that."""
    leaf_rows: int = 5_000
    """Likewise. Without exemptions, an element of an array has an index entry, of which a document
    may have 40,000: seven arrays of these are below it."""
    commit_bytes: int = 4 * 1024 * 1024
    """Pieces of one commit, or leaves before and after; of its 10 MiB. One leaf always fits."""
    pieces_bytes: int = 8 * 1024 * 1024
    """Of segments, that a fold keeps in memory; others are read again when they are needed."""
    logs_bytes: int = 7 * 1024 * 1024
    """All logs that one part adds to; of the 10 MiB likewise."""


LIMITS = FoldLimits()


class Leaf(NamedTuple):
    """A leaf, and the rows that are folded into it."""

    end: str
    """Its last key: its document's id."""
    found: Any
    """Its document; None: there is none yet."""
    keys: tuple[str, ...]
    """Of the rows that come, ascending."""

    @property
    def read_bytes(self) -> int:
        """Of its document, as it was sent."""
        return 0 if self.found is None else int(self.found.ByteSize())


class Folded(NamedTuple):
    """What a leaf becomes."""

    writes: list[Any]
    before_bytes: int
    after_bytes: int


def assign(keys: Sequence[str], found: Mapping[str, Any]) -> list[Leaf]:
    """Return the leaves for keys of one table, ascending, that lie in the leaves found, by end.

    Where none is found, the table has no leaf yet, and gets one.
    """
    if not found:
        return [Leaf(table_end(keys[0]), None, tuple(keys))]
    ends = sorted(found)
    into: dict[str, list[str]] = {}
    for key in keys:
        into.setdefault(ends[bisect_left(ends, key)], []).append(key)
    return [Leaf(end, found[end], tuple(into[end])) for end in ends if end in into]


class Gathered:
    """Rows of pieces behind one key and up to another one, added up; bounded in bytes."""

    def __init__(self, after: str, upto: str, limit_bytes: int) -> None:
        self._after = after
        self._limit = limit_bytes
        self.read_bytes = 0
        """Of the documents of pieces, as they were sent."""
        self.upto = upto
        """What is here is complete up to this key: it gets lower where the rows are too large."""
        self.rows = Tallied()

    def add(self, piece: Any) -> None:
        """Add rows of a piece. They come in the order in which they were closed."""
        some = rows.places(piece, self._after, self.upto)
        rows.add_leaf(self.rows, piece, some)
        # A message may be shorter than what Firestore counts, but not twice.
        self.read_bytes += piece.ByteSize()
        if 2 * self.read_bytes <= self._limit:
            return
        places = self.rows.keys()
        size = 0
        for number, key in enumerate(sorted(places)):
            size += self.rows.row_bytes(places[key])
            if number and size > self._limit:
                break
            last = key
        else:
            return
        self.upto = last
        self.rows = Tallied(
            {e: n for e, n in self.rows.totals.items() if total_key(*e) <= last},
            self.rows.names,
            {p: n for p, n in self.rows.days.items() if day_key(p[0], *p[1]) <= last},
        )


def fold_leaf(
    parent: str,
    leaf: Leaf,
    coming: Tallied,
    places: Mapping[str, Place],
    number: int,
    limits: FoldLimits,
) -> Folded:
    """Return what makes the leaf hold what comes. `places` are those of the keys of `coming`.

    `parent` is what names of the publication's leaves begin with; `number` is the head's.
    """
    held = Tallied()
    if leaf.found is not None:
        rows.add_leaf(held, leaf.found)
    before = sum(map(held.row_bytes, held.keys().values()))
    for key in leaf.keys:
        day, entity = row = places[key]
        if day:
            held.add_day(row, coming.days[row])
            if name := coming.names.get(entity):
                held.names[entity] = name
        else:
            held.add(entity, coming.totals[entity], coming.names.get(entity, ""))
    all_places = held.keys()
    sizes = {key: held.row_bytes(all_places[key]) for key in sorted(all_places)}
    pieces = list(cut(sizes, limits))
    writes = []
    for place, keys in enumerate(pieces, 1):
        last = place == len(pieces)
        write = Write()
        write.update.name = f"{parent}/{leaf.end if last else keys[-1]}"
        write.update.fields["fold"].integer_value = number
        rows.fill_leaf(write.update.fields, held, keys, all_places)
        if last and leaf.found is not None:
            write.current_document.update_time.CopyFrom(leaf.found.update_time)
        else:
            write.current_document.exists = False
        writes.append(write)
    after = sum(sizes.values()) + DOCUMENT_BYTES * len(pieces)
    return Folded(writes, before + DOCUMENT_BYTES, after)


def cut(sizes: Mapping[str, int], limits: FoldLimits) -> Iterator[list[str]]:
    """Cut rows, whose sizes these are by key, ascending, into pieces. One row always fits."""
    total = sum(sizes.values())
    if total <= limits.leaf_bytes and len(sizes) <= limits.leaf_rows:
        yield list(sizes)
        return
    size, keys = 0, list[str]()
    for key, row_bytes in sizes.items():
        full = size + row_bytes > limits.leaf_bytes // 2 or len(keys) >= limits.leaf_rows // 2
        if keys and full:
            yield keys
            size, keys = 0, []
        size += row_bytes
        keys.append(key)
    yield keys
