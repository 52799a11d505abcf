"""How the rows of a log become pieces of a segment. Pure."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from newstally_persister.sinks.firestore.compact import rows
from newstally_persister.sinks.firestore.compact.folding import DOCUMENT_BYTES, FoldLimits, cut
from newstally_persister.sinks.firestore.compact.head import Head, Piece, head_write
from newstally_persister.sinks.firestore.compact.keys import DAYS
from newstally_persister.sinks.firestore.compact.queries import HEAD, LOG
from newstally_persister.sinks.firestore.compact.rows import Place, Tallied
from newstally_persister.sinks.firestore.writes import Write


class Closed(NamedTuple):
    """One commit of a close."""

    head: Head
    writes: list[Any]
    rows: int
    """How many it moves."""
    size_bytes: int
    done: bool
    """Whether nothing is left in the log."""


def close(
    parent: str, head: Head, log: Any, limits: FoldLimits, pieces_bytes: int
) -> Closed | None:
    """Return what moves rows of a log into pieces; None: it has no rows.

    As many as so many bytes of pieces take, the lowest keys first; one row always fits. `parent` is
    what the names of the publication's documents begin with.
    """
    held = Tallied()
    rows.add_log(held, log)
    places = held.keys()
    if not places:
        return None
    keys = sorted(places)
    sizes = {key: held.row_bytes(places[key]) for key in keys}
    fit = max(1, bisect_left(list(accumulate(sizes.values())), pieces_bytes))
    writes: list[Any] = []
    pieces: dict[str, list[Piece]] = {}
    number = head.number + 1
    days = bisect_left(keys, DAYS)
    for table_keys in (keys[: min(days, fit)], keys[days:fit]):
        for some in _pieces(table_keys, sizes, limits):
            size = DOCUMENT_BYTES + sum(sizes[key] for key in some)
            piece = Piece(f"segment~{number:012}~{len(writes):04}", some[0], some[-1], size)
            pieces.setdefault(some[0].partition("~")[0] + "~", []).append(piece)
            writes.append(_piece_write(f"{parent}/{piece.id}", number, held, some, places))
    closed = head.with_pieces(pieces)
    left = _without(held, places, keys[:fit])
    writes.append(head_write(f"{parent}/{HEAD}", closed))
    writes.append(_log_write(f"{parent}/{LOG}", log, left, number))
    return Closed(closed, writes, fit, sum(list(sizes.values())[:fit]), fit >= len(keys))


def _pieces(
    keys: Sequence[str], sizes: Mapping[str, int], limits: FoldLimits
) -> Sequence[Sequence[str]]:
    return list(cut({key: sizes[key] for key in keys}, limits)) if keys else ()


def _piece_write(
    name: str, number: int, held: Tallied, keys: Sequence[str], places: Mapping[str, Place]
) -> Any:
    write = Write()
    write.update.name = name
    write.update.fields["fold"].integer_value = number
    rows.fill_leaf(write.update.fields, held, keys, places)
    write.current_document.exists = False
    return write


def _log_write(name: str, found: Any, left: Tallied, number: int) -> Any:
    """Return the write that leaves in a log what is not closed, if it is still as it was found."""
    write = Write()
    write.update.name = name
    write.update.fields["closed"].integer_value = number
    write.update.fields["parts"].integer_value = rows.number_of(found, "parts")
    held = write.update.fields["log"].array_value
    held.SetInParent()
    if left.totals or left.days:
        held.values.append(rows.element("", left))
    write.current_document.update_time.CopyFrom(found.update_time)
    return write


def _without(log: Tallied, places: Mapping[str, Place], keys: Sequence[str]) -> Tallied:
    """Return what is left of a log without these rows."""
    gone = {places[key] for key in keys}
    return Tallied(
        {entity: n for entity, n in log.totals.items() if ("", entity) not in gone},
        log.names,
        {place: n for place, n in log.days.items() if place not in gone},
    )
