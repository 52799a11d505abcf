"""One publication: what it mentions, when, and what more than others; the same as CSV."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import NamedTuple

from newstally_protos.limits import PAGE_LIMIT_ITEMS
from newstally_protos.names import cleaned, publication_key
from newstally_protos.v1.tally_pb2 import (
    EntityTally,
    RankEntitiesRequest,
    RankEntitiesResponse,
)
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from newstally_dashboard.addresses.periods import Period
from newstally_dashboard.addresses.reading import choice_of, page_of, required
from newstally_dashboard.asking.asker import Lane
from newstally_dashboard.asking.questions import FIRST_NAMES, Days, History, Questions
from newstally_dashboard.asking.troubles import Kind, Trouble, TroubleError
from newstally_dashboard.pages.site import ASIDE_SECONDS, MAIN_SECONDS, Section, Site, section
from newstally_dashboard.views import bins, charts, sheets, sparks
from newstally_dashboard.views.distinctive import Distinctive, distinctive
from newstally_dashboard.views.figures import entity_name, quoted
from newstally_dashboard.views.tables import ROWS, Column, table
from newstally_dashboard.web.answers import validated

COLUMNS: dict[str, Column[EntityTally]] = {
    "mentions": Column(lambda each: each.mentions),
    "articles": Column(lambda each: each.articles),
    "name": Column(lambda each: entity_name(each).casefold(), descending=False),
    "label": Column(lambda each: each.label, descending=False),
}
DOWNLOAD_PAGES = 100
"""So many pages of 1,000 are in a download; the rest has the command line: `newstally export`."""
BESIDE_BYTES = 16 * 1024
"""What ten names and some labels take."""
SPARK_CACHING = "private, max-age=60"


class Beside(NamedTuple):
    """What is found out beside what a page is about."""

    more: list[Distinctive]
    labels: list[str]
    """Of all that it mentions, or of the one that was asked for."""


async def publication(site: Site, request: Request) -> Response:
    """Show one publication."""
    params = request.query_params
    name, label = required(params, "name"), params.get("label", "").strip()
    period = await site.period(request, name)
    sort = choice_of(params, "sort", tuple(COLUMNS))
    order, page = choice_of(params, "order", ("", "asc", "desc")), page_of(params)
    size, asked = names_needed(sort, order, page), site.questions
    of_all = FIRST_NAMES if label else size
    catalogue, ranking, everything, history, beside, kinds = await asyncio.gather(
        section(site.questions.catalogue(), ASIDE_SECONDS),
        section(most_mentioned(asked, name, period.days, label, size), MAIN_SECONDS),
        section(most_mentioned(asked, name, period.days, "", of_all), MAIN_SECONDS),
        section(_lines(site, name, period), ASIDE_SECONDS),
        section(_beside(site, name, period, label), ASIDE_SECONDS),
        section(_beside(site, name, period, ""), ASIDE_SECONDS),
    )
    if ranking.trouble is not None and ranking.trouble.kind in {Kind.ABSENT, Kind.WRONG}:
        trouble = ranking.trouble
        raise TroubleError(_absent(name) if trouble.kind is Kind.ABSENT else trouble)
    known = catalogue.value.by_key.get(publication_key(name)) if catalogue.value else None
    tallies = list(ranking.value.entity_tallies) if ranking.value else []
    first_labels = _labels(everything.value.entity_tallies if everything.value else ())
    labels = kinds.value.labels if kinds.value else first_labels
    return site.page(
        request,
        "publication.html",
        site.status_of(ranking),
        name=known.publication if known else cleaned(name),
        known=known,
        label=label,
        labels=labels if label in {"", *labels} else [*labels, label],
        period=period,
        ranking=ranking,
        table=table(
            tallies,
            COLUMNS,
            sort,
            order,
            page,
            more=size < PAGE_LIMIT_ITEMS
            and len(tallies) == size
            and ranking.value is not None
            and bool(ranking.value.next_page_token),
        ),
        columns=COLUMNS,
        cloud=charts.cloud(tallies, period.pairs),
        bars=charts.bars(tallies, period.pairs),
        history=history,
        more=Section(beside.value.more if beside.value else None, beside.trouble),
    )


def names_needed(sort: str, order: str, page: int) -> int:
    """Return how many of the names that are mentioned most a page of the table needs. Pure."""
    first = sort == "mentions" and order in ("", "desc") and page * ROWS <= FIRST_NAMES
    return FIRST_NAMES if first else PAGE_LIMIT_ITEMS


async def download(site: Site, request: Request) -> Response:
    """Send what a publication mentions as CSV."""
    params = request.query_params
    name, label = required(params, "name"), params.get("label", "").strip()
    period = await site.period(request, name)
    asked = RankEntitiesRequest(
        publication=name, days=period.days, label=label, page_size=PAGE_LIMIT_ITEMS
    )
    first = await site.questions.ranking_page(asked)

    async def lines() -> AsyncIterator[str]:
        yield sheets.MARK + sheets.rows_text([sheets.HEAD])
        page = first
        for _ in range(DOWNLOAD_PAGES):
            yield sheets.entity_rows(page.entity_tallies)
            if not page.next_page_token:
                return
            asked.page_token = page.next_page_token
            page = await site.questions.ranking_page(asked, keep=False)

    words = [name, label, "" if period.all else str(period)]
    headers = {
        "Content-Disposition": sheets.disposition(" ".join(filter(None, words))),
        "Cache-Control": "private, no-store",
    }
    if request.method == "HEAD":
        return Response(headers=headers, media_type="text/csv")
    return StreamingResponse(lines(), headers=headers, media_type="text/csv")


async def spark(site: Site, request: Request) -> Response:
    """Draw the line of a publication's articles."""
    name = required(request.query_params, "name")
    period = await site.period(request)
    history = await site.questions.articles(name, period.days, Lane.SIDE)
    drawn = sparks.spark([each.counted for each in _binned(history)])
    return validated(request, drawn.encode(), "image/svg+xml", caching=SPARK_CACHING)


async def _lines(site: Site, name: str, period: Period) -> tuple[list[bins.Bin], charts.Chart]:
    history = await site.questions.articles(name, period.days)
    found = _binned(history)
    return found, charts.lines(["Articles"], [found], "counted", "articles")


def _binned(history: History) -> list[bins.Bin]:
    return bins.spread([history.days], bins.suited([history.days]))[0]


async def most_mentioned(
    questions: Questions, name: str, days: Days, label: str, size: int
) -> RankEntitiesResponse:
    """Return so many names, or, of what is too large to be read, those that a list has."""
    for fewer in (size, FIRST_NAMES):
        try:
            return await questions.ranking(name, days, label, fewer)
        except TroubleError as error:
            if error.trouble.kind is not Kind.UNANSWERED:
                raise
    return await questions.ranking(name, days, label, ROWS)


async def _beside(site: Site, name: str, period: Period, label: str) -> Beside:
    async def make() -> Beside:
        # First what not every store can answer: then nothing is read in vain.
        everywhere = await site.questions.ranking("", period.days, label)
        here = await site.questions.ranking(name, period.days, label)
        return Beside(distinctive(here, everywhere), _labels(here.entity_tallies))

    days = period.days
    key = ("beside", publication_key(name), days.first, days.last, label)
    return await site.questions.made_of(key, make, BESIDE_BYTES)


def _absent(name: str) -> Trouble:
    return Trouble(
        Kind.ABSENT,
        "Nothing of that name",
        f"No article of {quoted(name)} was counted. The overview lists all publications.",
    )


def _labels(tallies: Iterable[EntityTally]) -> list[str]:
    """Return the labels that there are, the most mentioned first."""
    sums: dict[str, int] = {}
    for each in tallies:
        sums[each.label] = sums.get(each.label, 0) + each.mentions
    return sorted(sums, key=lambda label: -sums[label])
