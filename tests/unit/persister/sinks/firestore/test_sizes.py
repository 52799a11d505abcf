"""What a row takes of a commit, by Firestore's published rules."""

import pytest
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.sizes import PART_LIMIT_BYTES, row_bytes
from newstally_persister.values.parts import EntityRow, PublicationRow, Row

MEBIBYTE = 1024 * 1024


def test_a_small_row_added_up_by_hand() -> None:
    """publications/ab and publications/ab/entities/x|P, as the rules of the module say."""
    publication = 13 + 3 + 16
    entity = publication + 9 + 4
    # Names and values of the fields, and 32.
    assert row_bytes(PublicationRow("ab", "AB", 1, 1)) == (
        (publication + 32 + (5 + 3) + (4 + 3) + 2 * (9 + 8))
        + 2 * (publication + 32 + 5 + 3)
        + 2 * (publication + 32 + 4 + 3)
        + 2 * 4 * (publication + 32 + 9 + 8)
        + 2 * (publication + 32 + 3 + 3 + 8 + 8)
    )
    assert row_bytes(EntityRow("ab", "x", "P", 1, 1)) == (
        (entity + 32 + (5 + 2) + (6 + 2) + (4 + 2) + 2 * (9 + 8))
        + 2 * (entity + publication + 32 + 5 + 2)
        + 2 * (entity + publication + 32 + 6 + 2)
        + 2 * (entity + publication + 32 + 4 + 2)
        + 2 * 4 * (entity + publication + 32 + 9 + 8)
        + 2 * 3 * (entity + publication + 32 + 2 + 2 + 2 + 8 + 8)
    )


@pytest.mark.parametrize(
    "row",
    [
        EntityRow("the daily heliograph", "x" * 1_000, "PERSON", 1, 1),
        EntityRow("/" * 300, "angela merkel", "PERSON", 1, 1),
        EntityRow("p" * 1_000, "angela merkel", "PERSON", 1, 1),
    ],
)
def test_a_thousand_rows_that_firestore_would_refuse_are_no_part(row: Row) -> None:
    """Long texts, and a publication's name that is all slashes: over 10 MiB with their indexes."""
    assert 1_000 * row_bytes(row) > 10 * MEBIBYTE
    limits = writes.part_limits(1_000)
    assert limits.weigh(row) * 5 < limits.size_bytes


def test_usual_rows_fill_a_part() -> None:
    """What articles bring is bounded by the number of writes, not by its size."""
    row = EntityRow("the daily heliograph", "angela merkel", "PERSON", 1, 1)
    assert 2_000 * row_bytes(row) < PART_LIMIT_BYTES
