"""The pages put together."""

from newstally_runtime.observing.release import Release
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp

from newstally_dashboard.asking.questions import Questions
from newstally_dashboard.metrics import Metrics
from newstally_dashboard.pages import compare, entity, overview, publication, search, status
from newstally_dashboard.pages.site import Page, Site, endpoint, failures, utc_now
from newstally_dashboard.settings import DashboardSettings
from newstally_dashboard.web.answers import Templates
from newstally_dashboard.web.files import Files
from newstally_dashboard.web.shell import Shell

PAGES: dict[str, Page] = {
    "/": overview.overview,
    "/live": overview.now,
    "/publication": publication.publication,
    "/publication.csv": publication.download,
    "/spark.svg": publication.spark,
    "/entity": entity.entity,
    "/compare": compare.compare,
    "/search": search.search,
    "/status": status.status,
}
COMPRESS_FROM_BYTES = 1024
COMPRESS_LEVEL = 4


def make_app(
    settings: DashboardSettings, questions: Questions, metrics: Metrics, release: Release
) -> ASGIApp:
    """Return what answers browsers: GET and HEAD, and nothing that changes anything."""
    files = Files()
    site = Site(questions, Templates(files, str(release)), utc_now)
    routes = [Route(path, endpoint(site, page), methods=["GET"]) for path, page in PAGES.items()]
    routes.append(Route("/static/{digest}/{name:path}", files.serve, methods=["GET"]))
    compress = Middleware(
        GZipMiddleware, minimum_size=COMPRESS_FROM_BYTES, compresslevel=COMPRESS_LEVEL
    )
    app = Starlette(routes=routes, middleware=[compress], exception_handlers=failures(site))
    # A redirect would name http, also where a proxy in front speaks https.
    app.router.redirect_slashes = False
    return Shell(app, settings.allowed_names, PAGES, metrics)
