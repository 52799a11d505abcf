"""Answers TallyService from lists, where they have the answer."""

from typing import Any

from newstally_persister.sinks.base import EntityPosition, EntityTally, Page, PageLimits
from newstally_persister.sinks.firestore import writes
from newstally_persister.sinks.firestore.client import FirestoreClient
from newstally_persister.sinks.firestore.compact import queries, rows
from newstally_persister.sinks.firestore.compact.listing import documents
from newstally_persister.sinks.firestore.compact.listing.tracked import ALL
from newstally_persister.sinks.firestore.compact.lists import CompactLists
from newstally_persister.sinks.questions.asked import UnansweredError
from newstally_persister.sinks.sqlite_rows import page


class ListedAnswers(CompactLists):
    """Pages of publications and entities."""

    async def entities(
        self, publication_key: str, label: str, limits: PageLimits, after: EntityPosition | None
    ) -> Page[EntityTally]:
        """See Sink.list_entity_tallies.

        A page that a list has is told from there, if the list shows all that there is; of a
        publication that is too large to be read, also if it is some seconds older.
        """
        async with self._client() as client:
            name = writes.publication_name(self.root(client), publication_key)
            listed, current = await find_list(client, name, ALL, self._read_seconds)
        found = None if listed is None else listed_page(listed, label, limits, after)
        if found is not None and current:
            return found
        try:
            return await super().entities(publication_key, label, limits, after)
        except UnansweredError:
            if found is None:
                raise
            return found


async def find_list(
    client: FirestoreClient, publication: str, name: str, seconds: float
) -> tuple[Any, bool]:
    """Return a list of a publication, or None, and whether it shows all that there is.

    `publication` is the name of its document. Two documents are read.
    """
    log = queries.log_name(publication)
    # The log first: a list that was written in between shows more, and is current as well.
    stored = (await client.read_many([log], seconds, ["parts"])).get(log)
    listed = await client.read(documents.list_name(publication, name), seconds)
    # Without a log nothing came since the database was led here from the other layout.
    parts = 0 if stored is None else rows.number_of(stored, "parts")
    return listed, listed is not None and rows.number_of(listed, "parts") >= parts


def listed_page(
    listed: Any, label: str, limits: PageLimits, after: EntityPosition | None
) -> Page[EntityTally] | None:
    """Return the page from a list's document; None where the list is too short for it."""
    held = documents.read_label(listed.fields, label) if label else listed.fields
    if held is None:
        # Not among the labels that are listed: there is none, unless not all are listed.
        more = listed.fields["more_labels"].boolean_value
        return None if more else Page((), more=False)
    wanted = [EntityTally(*row[:2], *row[3:], row.name) for row in documents.read_rows(held)]
    if after is not None:
        place = (-after[0], *after[1:])
        wanted = [each for each in wanted if (-each.mentions, each.text, each.label) > place]
    more = held["more"].boolean_value
    if len(wanted) < limits.items and more:
        return None
    found = page(wanted, lambda tally: tally.text + tally.label + tally.name, limits)
    return Page(found.items, more=found.more or more)
