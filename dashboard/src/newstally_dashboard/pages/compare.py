"""Two to five entities, or publications, on one chart."""

import asyncio

from newstally_protos.names import cleaned, publication_key
from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.addresses.periods import Period
from newstally_dashboard.addresses.reading import choice_of, query_of
from newstally_dashboard.asking.questions import History
from newstally_dashboard.asking.troubles import Kind as TroubleKind
from newstally_dashboard.pages.site import MAIN_SECONDS, Section, Site, section
from newstally_dashboard.views import bins, charts, comparing
from newstally_dashboard.views.comparing import Item, Kind
from newstally_dashboard.views.figures import entity_name, label_name

MEASURES = {"mentions": "mentions", "per_hundred": "mentions per 100 articles"}
BY = ("", *bins.By)
CANDIDATES = 12
UNASKED = frozenset({TroubleKind.AWAY, TroubleKind.BUSY, TroubleKind.DENIED})
"""Where nothing can be asked, whatever is compared."""


async def compare(site: Site, request: Request) -> Response:
    """Show them beside each other."""
    params = request.query_params
    items = comparing.items_of(params)
    kind = comparing.kind_of(items, choice_of(params, "of", ("entity", "publication")))
    period = await site.period(request)
    measure = choice_of(params, "measure", tuple(MEASURES))
    asked_by, query = choice_of(params, "by", BY), query_of(params)
    histories, candidates = await asyncio.gather(
        asyncio.gather(*(section(_history(site, item, period), MAIN_SECONDS) for item in items)),
        section(_candidates(site, kind, query), MAIN_SECONDS),
    )
    good = [
        (item, each.value)
        for item, each in zip(items, histories, strict=True)
        if each.value is not None
    ]
    every = [history.days for _, history in good]
    by = bins.By(asked_by) if asked_by else bins.suited(every)
    points = bins.spread(every, by)
    names = comparing.told_apart(
        [_name(item, history) for item, history in good],
        [label_name(history.entity.label) if kind is Kind.ENTITY else "" for _, history in good],
    )
    if kind is Kind.PUBLICATION:
        chart = charts.lines(names, points, "counted", "articles")
    else:
        chart = charts.lines(names, points, measure, MEASURES[measure])
    # One that is not there is told in its row; that nothing can be asked is the page's own status.
    gone = [each for each in histories if each.trouble and each.trouble.kind in UNASKED]
    return site.page(
        request,
        "compare.html",
        site.status_of(*gone),
        items=items,
        kind=kind,
        period=period,
        measure=measure,
        measures=MEASURES,
        by=by,
        asked_by=asked_by,
        choices=BY,
        query=query,
        candidates=candidates,
        waiting=any(each.pending for each in histories),
        rows=_rows(items, histories),
        names=names,
        points=points,
        chart_spec=chart,
        most=comparing.MOST,
    )


async def _history(site: Site, item: Item, period: Period) -> History:
    if item.kind is Kind.PUBLICATION:
        return await site.questions.articles(item.text, period.days)
    return await site.questions.history(item.text, item.label, "", period.days)


async def _candidates(site: Site, kind: Kind, query: str) -> list[tuple[str, str, str]]:
    """Return what may be added: as the address says it, its name, and what it is."""
    if not query:
        return []
    if kind is Kind.PUBLICATION:
        key = publication_key(query)
        found = (await site.questions.catalogue()).by_key
        names = [each.publication for one, each in found.items() if key in one]
        return [(name, name, "") for name in names[:CANDIDATES]]
    tallies = (await site.questions.find(query, "")).entity_tallies
    ordered = sorted(tallies, key=lambda each: -each.mentions)[:CANDIDATES]
    return [
        (comparing.entity_value(each.text, each.label), entity_name(each), each.label)
        for each in ordered
    ]


def _name(item: Item, history: History) -> str:
    return cleaned(item.text) if item.kind is Kind.PUBLICATION else entity_name(history.entity)


def _rows(items: list[Item], histories: list[Section[History]]) -> list[dict[str, object]]:
    """Return the sums of each."""
    rows = []
    for item, each in zip(items, histories, strict=True):
        days = each.value.days if each.value else ()
        rows.append(
            {
                "item": item,
                "name": _name(item, each.value) if each.value else cleaned(item.text),
                "label": each.value.entity.label if each.value else item.label,
                "section": each,
                "mentions": sum(day.mentions for day in days),
                "articles": sum(day.articles for day in days),
                "counted": sum(day.counted_articles for day in days),
            }
        )
    return rows
