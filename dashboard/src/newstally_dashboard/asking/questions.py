"""What pages ask of the gateway. Everything raises TroubleError."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from newstally import NewstallyError
from newstally.client.status.asking import ask_all
from newstally.client.status.overview import Overview, overview
from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.names import publication_key
from newstally_protos.v1 import tally_pb2 as tally
from newstally_protos.v1 import upload_pb2 as upload

from newstally_dashboard.asking.asker import OVERHEAD_BYTES, Asker, Lane
from newstally_dashboard.asking.cache import Loaded
from newstally_dashboard.asking.link import Link
from newstally_dashboard.asking.troubles import Kind, Trouble, TroubleError

CATALOGUE_PAGES = 10
"""So many pages of publications are read: 10,000."""
HISTORY_PAGES = 5
"""So many pages of days: 5,000, the last ones of a longer history being left out."""
SLOWER = 10
"""Answers about all publications are kept so many times as long."""
LIVE_SECONDS = 2.0
"""How long rates and uploads are kept."""
LATEST_UPLOADS = 100
FOUND_ENTITIES = 500
"""Names that are looked at; the most mentioned of them are shown."""
RISING = 8
FIRST_NAMES = 100
"""What a page shows at first. A list of Firestore has as many: more is read row by row."""

Days = tally.Days
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All publications, by mentions, descending."""

    publications: tuple[tally.PublicationTally, ...]
    by_key: Mapping[str, tally.PublicationTally]
    """The same, by what tells publications apart."""
    articles: int
    """Of all of them, like the mentions."""
    mentions: int
    more: bool
    """Whether there are more than were read."""
    models: tuple[str, ...]
    """What the tallies were counted with."""


@dataclass(frozen=True, slots=True)
class History:
    """An entity by day."""

    entity: tally.EntityTally
    days: tuple[tally.DayTally, ...]
    without_day: tally.DayTally
    more: bool
    """Whether later days were left out."""


class Questions:
    """Asks one gateway. Publications in any spelling; "" for all together."""

    def __init__(self, asker: Asker, link: Link, cache_seconds: float) -> None:
        self._asker = asker
        self._link = link
        self._seconds = cache_seconds

    @property
    def keyed(self) -> bool:
        """Whether the gateway is shown a key: then uploads are those of its owner."""
        return self._link.access.key is not None

    async def catalogue(self) -> Catalogue:
        """Return the publications with most mentions: at most 10,000."""

        async def load() -> Loaded[Catalogue | Trouble]:
            request = tally.ListPublicationsRequest(page_size=PAGE_LIMIT_ITEMS)
            found: list[tally.PublicationTally] = []
            size = OVERHEAD_BYTES
            try:
                for _ in range(CATALOGUE_PAGES):
                    page = await self._asker.ask(
                        lambda: self._link.tallies.ListPublications,
                        "ListPublications",
                        request,
                        self._seconds,
                    )
                    found += page.publications
                    size += page.ByteSize()
                    request.page_token = page.next_page_token
                    if not page.next_page_token:
                        break
            except TroubleError as error:
                return Loaded(error.trouble, 1.0, OVERHEAD_BYTES)
            more = bool(page.next_page_token)
            # A list of many is read less often.
            seconds = self._seconds * (1 + len(found) / PAGE_LIMIT_ITEMS)
            return Loaded(_catalogue(found, page.models, more=more), seconds, 2 * size)

        found: Catalogue = await self._asker.remember("catalogue", load)
        return found

    async def ranking(
        self, publication: str, days: Days, label: str, size: int = PAGE_LIMIT_ITEMS
    ) -> tally.RankEntitiesResponse:
        """Return what was mentioned most, at most `size`."""
        request = tally.RankEntitiesRequest(
            publication=publication, days=days, label=label, page_size=size
        )
        return await self.ranking_page(request)

    async def ranking_page(
        self, request: tally.RankEntitiesRequest, *, keep: bool = True
    ) -> tally.RankEntitiesResponse:
        """Return one page of what was mentioned most; `keep` it for the next one who asks."""
        all_together = not request.publication
        seconds = self._seconds * (SLOWER if all_together else 1)
        return await self._asker.ask(
            lambda: self._link.tallies.RankEntities,
            "RankEntities",
            request,
            seconds if keep else 0.0,
            Lane.SIDE if all_together or not keep else Lane.PAGE,
        )

    async def first_of(self, publication: str) -> tally.EntityTally:
        """Return what a publication mentions most, whenever."""
        request = tally.ListEntityTalliesRequest(publication=publication, page_size=1)
        page = await self._asker.ask(
            lambda: self._link.tallies.ListEntityTallies,
            "ListEntityTallies",
            request,
            self._seconds * SLOWER,
            Lane.SIDE,
        )
        if not page.entity_tallies:
            raise TroubleError(
                Trouble(Kind.EMPTY, "No names yet", "None of its articles mentions a name.")
            )
        return page.entity_tallies[0]

    async def rising(
        self, publication: str, days: Days, *, min_articles: int = 0
    ) -> tally.ListRisingEntitiesResponse:
        """Return what rose: within days against the four weeks before, or as the store chooses."""
        request = tally.ListRisingEntitiesRequest(
            publication=publication, days=days, min_articles=min_articles, page_size=RISING
        )
        return await self._asker.ask(
            lambda: self._link.tallies.ListRisingEntities,
            "ListRisingEntities",
            request,
            self._seconds * SLOWER,
            Lane.SIDE,
        )

    async def history(
        self, text: str, label: str, publication: str, days: Days, lane: Lane = Lane.PAGE
    ) -> History:
        """Return an entity by day, in one publication or in all."""
        request = tally.GetEntityHistoryRequest(
            text=text, label=label, publication=publication, days=days, page_size=PAGE_LIMIT_ITEMS
        )
        pages: list[tally.GetEntityHistoryResponse] = []
        for _ in range(HISTORY_PAGES):
            page = await self._asker.ask(
                lambda: self._link.tallies.GetEntityHistory,
                "GetEntityHistory",
                request,
                self._seconds * (SLOWER if lane is Lane.SIDE else 1),
                lane,
            )
            pages.append(page)
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        first = pages[0]
        return History(
            first.entity_tally,
            tuple(day for each in pages for day in each.days),
            first.without_day,
            bool(pages[-1].next_page_token),
        )

    async def articles(self, publication: str, days: Days, lane: Lane = Lane.PAGE) -> History:
        """Return a publication's articles by day: see `counted_articles`.

        It is the history of what it mentions most, since that tells how many articles there were.
        """
        entity = await self.first_of(publication)
        return await self.history(entity.text, entity.label, publication, days, lane)

    async def mentioning(
        self, text: str, label: str, days: Days
    ) -> tally.ListEntityPublicationsResponse:
        """Return the publications that mention an entity, at most 1,000."""
        request = tally.ListEntityPublicationsRequest(
            text=text, label=label, days=days, page_size=PAGE_LIMIT_ITEMS
        )
        return await self._asker.ask(
            lambda: self._link.tallies.ListEntityPublications,
            "ListEntityPublications",
            request,
            self._seconds,
        )

    async def find(
        self, beginning: str, label: str, publication: str = ""
    ) -> tally.FindEntitiesResponse:
        """Return entities whose text, or a further word of it, begins so: at most 500."""
        request = tally.FindEntitiesRequest(
            beginning=beginning, label=label, publication=publication, page_size=FOUND_ENTITIES
        )
        return await self._asker.ask(
            lambda: self._link.tallies.FindEntities,
            "FindEntities",
            request,
            self._seconds * SLOWER,
        )

    async def made_of(
        self, key: tuple[str, ...], make: Callable[[], Awaitable[T]], size_bytes: int
    ) -> T:
        """Return what `make` makes of answers about all publications, kept as long as these."""

        async def load() -> Loaded[T | Trouble]:
            try:
                return Loaded(await make(), self._seconds * SLOWER, size_bytes)
            except TroubleError as error:
                return Loaded(error.trouble, 0.0, OVERHEAD_BYTES)

        found: T = await self._asker.remember(key, load)
        return found

    async def uploads(self) -> upload.ListUploadsResponse:
        """Return the latest uploads of the key's owner."""
        return await self._asker.ask(
            lambda: self._link.uploads.ListUploads,
            "ListUploads",
            upload.ListUploadsRequest(page_size=LATEST_UPLOADS),
            LIVE_SECONDS,
        )

    async def status(self) -> Overview:
        """Return how the services are, by every gateway behind the target."""

        async def load() -> Loaded[Overview | Trouble]:
            try:
                found = overview(await ask_all(self._link.target, self._link.access))
            except NewstallyError as error:
                trouble = Trouble(Kind.AWAY, "The gateway cannot be asked", f"{error}.")
                return Loaded(trouble, LIVE_SECONDS, OVERHEAD_BYTES)
            if not found["gateways"]:
                reasons = "; ".join(each["reason"] for each in found["missing"])
                trouble = Trouble(Kind.AWAY, "The gateway does not answer", f"{reasons}.")
                return Loaded(trouble, LIVE_SECONDS, OVERHEAD_BYTES)
            return Loaded(found, LIVE_SECONDS, 64 * 1024)

        found: Overview = await self._asker.remember("status", load)
        return found


def _catalogue(
    found: Sequence[tally.PublicationTally], models: Iterable[str], *, more: bool
) -> Catalogue:
    return Catalogue(
        publications=tuple(found),
        by_key={publication_key(each.publication): each for each in found},
        articles=sum(each.articles for each in found),
        mentions=sum(each.mentions for each in found),
        more=more,
        models=tuple(models),
    )
