"""Names of entities by how a word of theirs begins, of publications by any part."""

import asyncio
from heapq import nlargest

from newstally_protos.names import publication_key
from newstally_protos.v1.tally_pb2 import EntityTally, PublicationTally
from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.addresses.reading import query_of
from newstally_dashboard.pages.site import MAIN_SECONDS, Site, section

PUBLICATIONS, ENTITIES = 10, 50
"""Most that are shown."""


async def search(site: Site, request: Request) -> Response:
    """Show what is found."""
    query = query_of(request.query_params)
    label = request.query_params.get("label", "").strip()
    publications, entities = await asyncio.gather(
        section(_publications(site, query), MAIN_SECONDS),
        section(_entities(site, query, label), MAIN_SECONDS),
    )
    return site.page(
        request,
        "search.html",
        site.status_of(entities, publications),
        query=query,
        label=label,
        publications=publications,
        entities=entities,
        names=entities.value[0] if entities.value else [],
        more=entities.value is not None and entities.value[1],
    )


async def _publications(site: Site, query: str) -> list[PublicationTally]:
    key = publication_key(query)
    if not key:
        return []
    found = (await site.questions.catalogue()).by_key
    matching = (each for name, each in found.items() if key in name)
    return nlargest(PUBLICATIONS, matching, key=lambda each: each.mentions)


async def _entities(site: Site, query: str, label: str) -> tuple[list[EntityTally], bool]:
    """Return those found, the most mentioned first, and whether there are more."""
    if not query:
        return [], False
    found = await site.questions.find(query, label)
    first = nlargest(ENTITIES, found.entity_tallies, key=lambda each: each.mentions)
    return first, bool(found.next_page_token) or len(found.entity_tallies) > ENTITIES
