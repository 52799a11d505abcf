"""Lists claim no more than they show."""

from typing import Any

import pytest
from newstally_persister.sinks.base import PublicationTally
from newstally_persister.sinks.firestore.compact.keys import day_name
from newstally_persister.sinks.firestore.compact.listing.documents import (
    ListedPublications,
    list_name,
    publications_document,
)
from newstally_persister.sinks.firestore.compact.listing.publications import ROWS, PublicationsList
from newstally_persister.sinks.firestore.compact.listing.storing import Storing
from newstally_persister.sinks.firestore.compact.listing.tracked import days_of, number_of_day
from newstally_persister.sinks.firestore.compact.rows import PUBLICATION, Entity, Tallied
from newstally_persister.values.parts import EntityRow
from support.firestore_memory import MemoryFirestore
from support.top_lists import shown

LAST = number_of_day("2026-12-10")


@pytest.mark.parametrize(
    ("month", "listed"),
    [
        ("2026-10", {"day", "7days", "28days"}),
        ("2026-11", {"day", "7days"}),
        ("2026-12", set()),
        ("2027-01", {"day", "7days", "28days"}),
    ],
)
def test_a_list_of_days_begins_in_no_month_that_is_known_as_a_whole(
    month: str, listed: set[str]
) -> None:
    """A database that was led here has such months: nobody can tell what was on their days."""
    held = Tallied()
    entity = Entity("x", "X")
    for day in range(LAST - 40, LAST + 1):
        if not day_name(day).startswith(month):
            held.add_day((day_name(day), entity), (1, 1))
            held.add_day((day_name(day), PUBLICATION), (1, 1))
    held.add_day((month, entity), (9, 9))
    if month == "2026-12":
        held.add_day((day_name(LAST), entity), (1, 1))  # of what came afterwards
    days = days_of(held, LAST + 1)
    assert days is not None
    assert (days.last, set(days.tops)) == (LAST, listed)
    assert days.add(EntityRow("a", "x", "X", 1, 1, None, ((LAST, 1, 1),)), LAST + 1)


@pytest.mark.parametrize(("stored", "more"), [(ROWS, False), (3, True), (3, False)])
async def test_the_list_of_publications_says_that_there_are_others(
    stored: int, *, more: bool
) -> None:
    """Another persister stored a list; with what is known here there are more than fit, or not."""
    memory = MemoryFirestore()
    client: Any = memory
    root = f"{memory.documents}/newstally/compact"

    async def send(_: Any, writes: Any) -> Any:
        return await memory.commit(writes, 1.0)

    others = [PublicationTally(f"other {n:03}", "", n + 1, 1) for n in range(stored)]
    await send(None, [publications_document(root, ListedPublications("k", 1, others, more))])
    listed = PublicationsList(Storing(send, 1.0), 0.0)
    listed.put(PublicationTally("own", "Own", 10_000, 1))
    listed.looked(0)
    listed.keep("j", 1)
    await listed.write(client, root, 1.0, 0.0)
    found = shown(memory.document(list_name(root, "publications")))
    assert found["rows"][0]["key"] == "own"
    assert len(found["rows"]) == min(ROWS, stored + 1)
    assert found["more"] == (more or stored == ROWS)
