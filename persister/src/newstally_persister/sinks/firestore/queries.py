"""The lists as Firestore queries. `firestore/firestore.indexes.json` holds their indexes."""

from google.cloud.firestore_v1.types import Cursor, StructuredQuery, Value

from newstally_persister.sinks.base import EntityPosition, PublicationPosition
from newstally_persister.sinks.firestore.ids import order_key
from newstally_persister.sinks.firestore.writes import ENTITIES, PUBLICATIONS

_FieldFilter = StructuredQuery.FieldFilter
_ASCENDING = StructuredQuery.Direction.ASCENDING
_DESCENDING = StructuredQuery.Direction.DESCENDING


_LISTED = {
    PUBLICATIONS: ("key", "name", "mentions", "articles"),
    ENTITIES: ("text", "label", "mentions", "articles", "name"),
}


def publications(after: PublicationPosition | None, limit: int) -> StructuredQuery:
    """Ask for publications by mentions, descending, then key: `after` has the one in the index."""
    query = _ranked(PUBLICATIONS, limit)
    if after is not None:
        mentions, key = after
        _start(query, mentions, key)
    return query


def entities(label: str, after: EntityPosition | None, limit: int) -> StructuredQuery:
    """Ask for a publication's entities by mentions, descending, then text, then label."""
    query = _ranked(ENTITIES, limit)
    if label:
        query.where = StructuredQuery.Filter(
            field_filter=_FieldFilter(
                field=_field("label"),
                op=_FieldFilter.Operator.EQUAL,
                value=Value(string_value=label),
            )
        )
    else:
        query.order_by.append(_order("label", _ASCENDING))
    if after is not None:
        mentions, text, after_label = after
        _start(query, mentions, order_key(text), *(() if label else (after_label,)))
    return query


def _ranked(collection: str, limit: int) -> StructuredQuery:
    return StructuredQuery(
        # Not what documents hold by day: a page of a thousand would be megabytes.
        select=StructuredQuery.Projection(fields=[_field(name) for name in _LISTED[collection]]),
        from_=[StructuredQuery.CollectionSelector(collection_id=collection)],
        order_by=[_order("mentions", _DESCENDING), _order("key", _ASCENDING)],
        limit=limit,
    )


def _order(path: str, direction: int) -> StructuredQuery.Order:
    return StructuredQuery.Order(field=_field(path), direction=direction)


def _field(path: str) -> StructuredQuery.FieldReference:
    return StructuredQuery.FieldReference(field_path=path)


def _start(query: StructuredQuery, mentions: int, *texts: str) -> None:
    """Begin behind a position, given by the values that the query is ordered by."""
    values = [Value(integer_value=mentions), *(Value(string_value=text) for text in texts)]
    query.start_at = Cursor(values=values, before=False)
