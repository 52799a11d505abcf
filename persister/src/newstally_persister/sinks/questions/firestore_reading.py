"""Reads whole documents for a question, and counts them: each is billed."""

from collections.abc import AsyncIterator
from typing import Any

from google.cloud.firestore_v1.types import StructuredQuery, Value

from newstally_persister.sinks.base import EntityPosition
from newstally_persister.sinks.firestore import queries, writes
from newstally_persister.sinks.firestore.client import fields
from newstally_persister.sinks.firestore.ids import entity_id
from newstally_persister.sinks.questions.firestore_asking import Reads

_AT_A_TIME = 250
_ID_BYTES = 600
"""So much of a beginning is looked for by id; the rest is compared."""
_ESCAPED_FIRST = {"_": "%5F", ".": "%2E"}
_LOWEST = " "
_AFTER_ALL = "\U0010ffff"
_FieldFilter = StructuredQuery.FieldFilter


class Reading(Reads):
    """The reads of one question."""

    instead = "ask for one label, for fewer entities or a longer beginning, or use the SQLite sink"

    async def entities(self, publication: Any, label: str) -> AsyncIterator[Any]:
        """Yield a publication's entities, those with most mentions first.

        Raises UnansweredError behind the last that may be read.
        """
        after: EntityPosition | None = None
        while True:
            query = queries.entities(label, after, _AT_A_TIME)
            some = await self._found(publication.name, query)
            for document in some:
                yield document
            if len(some) < _AT_A_TIME:
                return
            last = fields(some[-1])
            after = (last["mentions"], last["text"], last["label"])

    async def named(self, publication: Any, text: str, label: str) -> list[Any]:
        """Return the entities of a text: that of the label, or those of all labels."""
        if label:
            name = f"{publication.name}/{writes.ENTITIES}/{entity_id(text, label)}"
            found = await self._document(name)
            return [] if found is None else [found]
        # Exactly: what a text becomes in an id is followed by "|", which no text becomes.
        start = entity_id(text, "x").removesuffix("x")
        return await self._found(publication.name, self._between(publication.name, start, ""))

    async def beginning(self, publication: Any, beginning: str) -> list[Any]:
        """Return the entities whose text begins so. Raises UnansweredError where they are many."""
        # Ids are the texts, but for what is escaped; and a text is told apart by its field.
        within = entity_id("x" + beginning, "x").removeprefix("x").removesuffix("|x")
        start = within.encode()[:_ID_BYTES].decode(errors="ignore")
        starts = {start}
        # At the beginning of a text these are escaped or not, by what follows.
        if start[:1] in _ESCAPED_FIRST:
            starts.add(_ESCAPED_FIRST[start[:1]] + start[1:])
        found = []
        for start in sorted(starts):
            # An id goes on behind its start; and the start alone may be none, as "." is.
            query = self._between(publication.name, start, _LOWEST)
            found += await self._found(publication.name, query)
        return [each for each in found if fields(each)["text"].startswith(beginning)]

    def _between(self, publication: str, start: str, lowest: str) -> StructuredQuery:
        """Return what finds entities by what their ids begin with, and go on with at least."""
        collection = f"{publication}/{writes.ENTITIES}"
        reference = StructuredQuery.FieldReference(field_path="__name__")
        bounds = [
            StructuredQuery.Filter(
                field_filter=_FieldFilter(
                    field=reference,
                    op=operator,
                    value=Value(reference_value=f"{collection}/{end}"),
                )
            )
            for operator, end in (
                (_FieldFilter.Operator.GREATER_THAN_OR_EQUAL, start + lowest),
                (_FieldFilter.Operator.LESS_THAN, start + _AFTER_ALL),
            )
        ]
        return StructuredQuery(
            from_=[StructuredQuery.CollectionSelector(collection_id=writes.ENTITIES)],
            where=StructuredQuery.Filter(
                composite_filter=StructuredQuery.CompositeFilter(
                    op=StructuredQuery.CompositeFilter.Operator.AND, filters=bounds
                )
            ),
            order_by=[
                StructuredQuery.Order(
                    field=reference, direction=StructuredQuery.Direction.ASCENDING
                )
            ],
            limit=max(1, self._limit - self.reads + 1),
        )
