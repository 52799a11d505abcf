"""The lists as Firestore queries. `firestore/firestore.indexes.json` holds their indexes."""

from google.cloud.firestore import AsyncClient, AsyncDocumentReference, AsyncQuery
from google.cloud.firestore_v1.base_query import FieldFilter

from newstally_persister.sinks.base import EntityPosition, PublicationPosition
from newstally_persister.sinks.firestore.ids import order_key, publication_id
from newstally_persister.sinks.firestore.writes import ENTITIES, PUBLICATIONS


def publications(client: AsyncClient, after: PublicationPosition | None) -> AsyncQuery:
    """Ask for publications by mentions, descending, then key."""
    query = client.collection(PUBLICATIONS).order_by("mentions", direction=AsyncQuery.DESCENDING)
    query = query.order_by("key")
    if after is None:
        return query
    mentions, key = after
    return query.start_after({"mentions": mentions, "key": order_key(key)})


def publication(client: AsyncClient, publication_key: str) -> AsyncDocumentReference:
    """Name a publication's document."""
    return client.collection(PUBLICATIONS).document(publication_id(publication_key))


def entities(
    client: AsyncClient, publication_key: str, label: str, after: EntityPosition | None
) -> AsyncQuery:
    """Ask for a publication's entities by mentions, descending, then text, then label."""
    query: AsyncQuery = publication(client, publication_key).collection(ENTITIES)
    if label:
        query = query.where(filter=FieldFilter("label", "==", label))
    query = query.order_by("mentions", direction=AsyncQuery.DESCENDING).order_by("key")
    if not label:
        query = query.order_by("label")
    if after is None:
        return query
    mentions, text, after_label = after
    position = {"mentions": mentions, "key": order_key(text)}
    return query.start_after(position if label else {**position, "label": after_label})
