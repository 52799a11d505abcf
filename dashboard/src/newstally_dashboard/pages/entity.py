"""One entity: who mentions it, and when."""

import asyncio

from newstally_protos.names import cleaned
from newstally_protos.v1.tally_pb2 import PublicationMentions
from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.addresses.reading import choice_of, page_of, required
from newstally_dashboard.asking.questions import History
from newstally_dashboard.asking.troubles import Kind, Trouble, TroubleError
from newstally_dashboard.pages.site import MAIN_SECONDS, Site, section
from newstally_dashboard.views import bins, charts
from newstally_dashboard.views.comparing import entity_value
from newstally_dashboard.views.figures import entity_name, quoted
from newstally_dashboard.views.tables import Column, table


def _share(each: PublicationMentions) -> float:
    return each.mentions / each.counted_articles if each.counted_articles else 0.0


def _absent(text: str) -> Trouble:
    return Trouble(
        Kind.ABSENT,
        "Nothing of that name",
        f"Nobody mentions {quoted(text)}. The search finds names by how a word of theirs begins.",
    )


COLUMNS: dict[str, Column[PublicationMentions]] = {
    "mentions": Column(lambda each: each.mentions),
    "share": Column(_share),
    "articles": Column(lambda each: each.articles),
    "name": Column(lambda each: each.publication.casefold(), descending=False),
}


async def entity(site: Site, request: Request) -> Response:
    """Show one entity."""
    params = request.query_params
    text, label = required(params, "text"), params.get("label", "").strip()
    period = await site.period(request)
    sort = choice_of(params, "sort", tuple(COLUMNS))
    order, page = choice_of(params, "order", ("", "asc", "desc")), page_of(params)
    history, mentioning = await asyncio.gather(
        section(site.questions.history(text, label, "", period.days), MAIN_SECONDS),
        section(site.questions.mentioning(text, label, period.days), MAIN_SECONDS),
    )
    absent = {Kind.ABSENT, Kind.WRONG}
    for each in (history, mentioning):
        if each.trouble is not None and each.trouble.kind in absent:
            trouble = each.trouble
            raise TroubleError(_absent(text) if trouble.kind is Kind.ABSENT else trouble)
    tally = next(
        (
            each.value.entity if isinstance(each.value, History) else each.value.entity_tally
            for each in (mentioning, history)
            if each.value is not None
        ),
        None,
    )
    points, chart = [], None
    if history.value is not None:
        days = history.value.days
        points = bins.spread([days], bins.suited([days]))[0]
        chart = charts.lines(["Mentions"], [points], "mentions", "mentions")
    found = mentioning.value.publications if mentioning.value else ()
    return site.page(
        request,
        "entity.html",
        site.status_of(mentioning),
        tally=tally,
        name=cleaned(text) if tally is None else entity_name(tally),
        label=label if tally is None else tally.label,
        value=entity_value(
            text if tally is None else tally.text, label if tally is None else tally.label
        ),
        period=period,
        history=history,
        points=points,
        chart_spec=chart,
        mentioning=mentioning,
        within=sum(each.mentions for each in found),
        table=table(list(found), COLUMNS, sort, order, page),
        columns=COLUMNS,
    )
