"""How the services are."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.pages.site import MAIN_SECONDS, Site, section
from newstally_dashboard.views import live


async def status(site: Site, request: Request) -> Response:
    """Show it."""
    found, uploads = await asyncio.gather(
        section(site.questions.status(), MAIN_SECONDS),
        section(site.questions.uploads(), MAIN_SECONDS),
    )
    now = site.now()
    return site.page(
        request,
        "status.html",
        site.status_of(found),
        status=found,
        rates=live.rates(found.value) if found.value else None,
        uploads=live.uploads(uploads.value, now) if uploads.value else None,
        uploads_trouble=uploads.trouble,
    )
