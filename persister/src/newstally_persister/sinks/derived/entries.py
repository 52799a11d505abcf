"""Tallies of one entity, packed: what runs of rollups are made of."""

import struct
from collections.abc import Iterable

DayRow = tuple[int, int, int, int, int, int]
"""(day, publication, entity, label, mentions, articles), as entity_days has it."""
ENTRY = struct.Struct("<Qii")
"""(code, mentions, articles). Below zero where a run takes back what another has too much."""
LABEL_BITS = 40
"""A code is `label << LABEL_BITS | entity`: no file has room for so many entities."""
CODE_SQL = f"label << {LABEL_BITS} | entity"


def pack(rows: Iterable[DayRow]) -> bytes:
    """Return the entries of some rows. Raises struct.error where a count does not fit."""
    entry = ENTRY.pack
    return b"".join(
        [
            entry(label << LABEL_BITS | entity, mentions, articles)
            for _, _, entity, label, mentions, articles in rows
        ]
    )
