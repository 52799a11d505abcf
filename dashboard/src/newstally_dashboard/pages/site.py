"""What all pages share, and what becomes of what goes wrong in them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.addresses.periods import PRESETS, Period, period_of
from newstally_dashboard.addresses.reading import AddressError
from newstally_dashboard.asking.last_day import last_day
from newstally_dashboard.asking.questions import Questions
from newstally_dashboard.asking.troubles import Kind, Trouble, TroubleError
from newstally_dashboard.web.answers import Templates

MAIN_SECONDS = 3.0
"""So long a page waits for what it is about..."""
ASIDE_SECONDS = 0.12
"""...and so long, from its beginning, for the rest, which then comes by itself."""
STATUSES = {
    Kind.ABSENT: 404,
    Kind.WRONG: 400,
    Kind.BUSY: 503,
    Kind.AWAY: 503,
    Kind.DENIED: 502,
}
RETRY_SECONDS = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section(Generic[T]):
    """A part of a page: there, not there for a reason, or still to come."""

    value: T | None = None
    trouble: Trouble | None = None

    @property
    def pending(self) -> bool:
        """Whether the answer is still to come."""
        return self.value is None and self.trouble is None


async def section(work: Awaitable[T], seconds: float) -> Section[T]:
    """Wait so long for a part. What the gateway was asked goes on, and is remembered."""
    try:
        async with asyncio.timeout(seconds):
            return Section(await work)
    except TroubleError as error:
        return Section(trouble=error.trouble)
    except TimeoutError:
        return Section()


@dataclass(frozen=True, slots=True)
class Site:
    """What pages need."""

    questions: Questions
    templates: Templates
    now: Callable[[], datetime]
    """In UTC."""

    async def period(self, request: Request, publication: str = "") -> Period:
        """Return the days that the address asks for. Raises AddressError.

        The last seven days, say, end with the last day that has articles, of one publication or of
        all: of an archive there is something to see, too. Where the store keeps only months of
        that time, they are months. Where nothing is known in time, they end today.
        """
        today = self.now().date()
        asked = period_of(request.query_params, today)
        if asked.preset not in PRESETS:
            return asked
        last = await section(last_day(self.questions, publication, today), MAIN_SECONDS)
        if last.value is None:
            return asked
        return period_of(request.query_params, last.value.day, by_month=last.value.by_month)

    def page(
        self, request: Request, template: str, status: int = 200, /, **values: Any
    ) -> Response:
        """Return a page."""
        return self.templates.page(request, template, status, **values)

    def problem(self, request: Request, status: int, trouble: Trouble) -> Response:
        """Return a page that says what is the matter."""
        answer = self.page(request, "problem.html", status, trouble=trouble)
        if trouble.passing:
            answer.headers["Retry-After"] = str(RETRY_SECONDS)
        return answer

    def status_of(self, *sections: Section[Any]) -> int:
        """Return the status of a page whose main parts these are: that of the first trouble."""
        troubles = (each.trouble for each in sections if each.trouble is not None)
        first = next(troubles, None)
        return 200 if first is None else STATUSES.get(first.kind, 200)


Page = Callable[[Site, Request], Awaitable[Response]]


def endpoint(site: Site, page: Page) -> Callable[[Request], Awaitable[Response]]:
    """Return a page as Starlette calls it."""

    async def answer(request: Request) -> Response:
        try:
            return await page(site, request)
        except AddressError as error:
            trouble = Trouble(Kind.WRONG, "This address asks for something impossible", f"{error}.")
            return site.problem(request, 400, trouble)
        except TroubleError as error:
            status = STATUSES.get(error.trouble.kind, 200)
            return site.problem(request, status, error.trouble)

    return answer


def failures(site: Site) -> dict[Any, Callable[[Request, Exception], Awaitable[Response]]]:
    """Return what Starlette calls for what no page answers."""

    async def refused(request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        trouble = _REFUSALS.get(status, _BROKEN)
        answer = site.problem(request, status, trouble)
        if isinstance(error, HTTPException) and error.headers:
            answer.headers.update(error.headers)
        return answer

    return {HTTPException: refused, 500: refused}


_BROKEN = Trouble(
    Kind.WRONG,
    "The dashboard has a defect here",
    "What happened is in its log. Other pages may work; please report it.",
)
_REFUSALS = {
    404: Trouble(Kind.ABSENT, "There is no such page", "The overview leads to all that there are."),
    405: Trouble(Kind.WRONG, "Nothing can be changed here", "The dashboard only reads."),
}


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)
