"""The overview, and what goes on now."""

import asyncio
from datetime import date

from newstally_protos.names import publication_key
from newstally_protos.v1.tally_pb2 import Days, PublicationTally
from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.addresses.reading import choice_of, page_of
from newstally_dashboard.pages.site import ASIDE_SECONDS, MAIN_SECONDS, Section, Site, section
from newstally_dashboard.views import live
from newstally_dashboard.views.tables import Column, table

COLUMNS: dict[str, Column[PublicationTally]] = {
    "mentions": Column(lambda each: each.mentions),
    "articles": Column(lambda each: each.articles),
    "name": Column(lambda each: publication_key(each.publication), descending=False),
}


async def overview(site: Site, request: Request) -> Response:
    """Show publications, what rises, and what goes on."""
    params = request.query_params
    period = await site.period(request)
    sort, order = choice_of(params, "sort", tuple(COLUMNS)), choice_of(params, "order", _ORDERS)
    page = page_of(params)
    day = site.now().date()
    catalogue, rising, now, today = await asyncio.gather(
        section(site.questions.catalogue(), MAIN_SECONDS),
        section(site.questions.rising("", period.closed(day)), ASIDE_SECONDS),
        section(_now(site), ASIDE_SECONDS),
        section(_published(site, day), ASIDE_SECONDS),
    )
    found = catalogue.value
    return site.page(
        request,
        "overview.html",
        site.status_of(catalogue),
        period=period,
        catalogue=catalogue,
        publications=None
        if found is None
        else table(found.publications, COLUMNS, sort, order, page),
        columns=COLUMNS,
        rising=rising,
        live=now,
        today=today,
        keyed=site.questions.keyed,
    )


async def now(site: Site, request: Request) -> Response:
    """Show what goes on, by itself: the overview fetches it again and again."""
    going_on, today = await asyncio.gather(
        section(_now(site), MAIN_SECONDS),
        section(_published(site, site.now().date()), ASIDE_SECONDS),
    )
    keyed = site.questions.keyed
    return site.page(request, "live.html", live=going_on, today=today, keyed=keyed)


async def _now(site: Site) -> tuple[Section[live.Rates], Section[live.Uploads]]:
    rates, uploads = await asyncio.gather(
        section(site.questions.status(), MAIN_SECONDS),
        section(site.questions.uploads(), MAIN_SECONDS),
    )
    return (
        Section(live.rates(rates.value) if rates.value else None, rates.trouble),
        Section(
            live.uploads(uploads.value, site.now()) if uploads.value else None,
            uploads.trouble,
        ),
    )


async def _published(site: Site, today: date) -> int:
    """Return how many articles of today are there."""
    days = Days(first=today.isoformat(), last=today.isoformat())
    return (await site.questions.ranking("", days, "", 1)).articles


_ORDERS = ("", "asc", "desc")
