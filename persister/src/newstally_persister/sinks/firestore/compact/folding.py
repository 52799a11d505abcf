"""How rows of a log become rows of leaves. Pure.

A fold takes the log of one publication as it was read, and some of the leaves that its rows belong
to. Its commit demands that log and leaves are still so. Every fold changes the log, so folds of a
publication happen one after the other, and what comes to the log meanwhile makes a fold fail, not
go wrong: a number is always in the log or in a leaf, and never in both.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.keys import table_end
from newstally_persister.sinks.firestore.compact.rows import Place, Tallied
from newstally_persister.sinks.firestore.writes import Write

DOCUMENT_BYTES = 400
"""What a leaf takes beside its rows and the ids that its publication has."""


@dataclass(frozen=True, slots=True)
class FoldLimits:
    """How large documents and commits become, in bytes of Firestore's documents."""

    log_bytes: int = 880 * 1024
    """A log is folded before it gets larger; Firestore takes 1 MiB."""
    leaf_bytes: int = 512 * 1024
    """A leaf that gets larger is cut into pieces of half of that."""
    leaf_rows: int = 5_000
    """Likewise. Without exemptions, an element of an array has an index entry, of which a document
    may have 40,000: seven arrays of these are below it."""
    commit_bytes: int = 4 * 1024 * 1024
    """Leaves of one fold, before and after; of the 10 MiB of a commit. One leaf always fits."""
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


class Folded(NamedTuple):
    """What a leaf becomes."""

    writes: list[Any]
    size_bytes: int
    """Of its documents, before and after."""


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


def within(leaf: Leaf, log: Tallied, places: Mapping[str, Place], size_bytes: int) -> Leaf:
    """Return the leaf with as many of its rows as so many bytes take; one always fits.

    A row of a log may have thousands of days, and becomes as many rows with its text in each.
    """
    size = 0
    for number, key in enumerate(leaf.keys):
        size += log.row_bytes(places[key])
        if number and size > size_bytes:
            return leaf._replace(keys=leaf.keys[:number])
    return leaf


def fold_leaf(
    parent: str,
    leaf: Leaf,
    log: Tallied,
    places: Mapping[str, Place],
    fold: int,
    limits: FoldLimits,
) -> Folded:
    """Return what makes the leaf hold what comes. `places` are those of the log's keys.

    `parent` is what names of the publication's leaves begin with.
    """
    held = Tallied()
    if leaf.found is not None:
        rows.add_leaf(held, leaf.found)
    before = sum(map(held.row_bytes, held.keys().values()))
    for key in leaf.keys:
        day, entity = place = places[key]
        if day:
            held.add_day(place, log.days[place])
            if name := log.names.get(entity):
                held.names[entity] = name
        else:
            held.add(entity, log.totals[entity], log.names.get(entity, ""))
    all_places = held.keys()
    sizes = {key: held.row_bytes(all_places[key]) for key in sorted(all_places)}
    pieces = list(cut(sizes, limits))
    writes = []
    for number, keys in enumerate(pieces, 1):
        last = number == len(pieces)
        write = Write()
        write.update.name = f"{parent}/{leaf.end if last else keys[-1]}"
        write.update.fields["fold"].integer_value = fold
        rows.fill_leaf(write.update.fields, held, keys, all_places)
        if last and leaf.found is not None:
            write.current_document.update_time.CopyFrom(leaf.found.update_time)
        else:
            write.current_document.exists = False
        writes.append(write)
    return Folded(writes, before + sum(sizes.values()) + DOCUMENT_BYTES * (len(pieces) + 1))


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


def log_write(name: str, found: Any, left: Tallied, fold: int) -> Any:
    """Return the write that leaves in a log what is not folded, if it is still as it was found."""
    write = Write()
    write.update.name = name
    write.update.fields["folds"].integer_value = fold
    write.update.fields["parts"].integer_value = rows.number_of(found, "parts")
    held = write.update.fields["log"].array_value
    held.SetInParent()
    if left.totals or left.days:
        held.values.append(rows.element("", left))
    write.current_document.update_time.CopyFrom(found.update_time)
    return write


def without(log: Tallied, places: Mapping[str, Place], leaves: Sequence[Leaf]) -> Tallied:
    """Return what is left of a log without what these leaves take."""
    gone = {places[key] for leaf in leaves for key in leaf.keys}
    return Tallied(
        {entity: n for entity, n in log.totals.items() if ("", entity) not in gone},
        log.names,
        {place: n for place, n in log.days.items() if place not in gone},
    )
