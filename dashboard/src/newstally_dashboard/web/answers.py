"""Pages from templates, with validators."""

import hashlib
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from newstally_dashboard.addresses.places import Place, address
from newstally_dashboard.views import charts, figures
from newstally_dashboard.web.files import Files

THEMES = ("light", "dark")
REVALIDATE = "private, no-cache"
_DIGITS = 24


def tag_of(body: bytes) -> str:
    """Return the validator of a body. Weak: it may be compressed on its way."""
    return f'W/"{hashlib.blake2b(body).hexdigest()[:_DIGITS]}"'


def validated(
    request: Request,
    body: bytes,
    kind: str,
    *,
    status: int = 200,
    caching: str = REVALIDATE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a body, or 304 where the browser has it already."""
    tag = tag_of(body)
    every = {"ETag": tag, "Cache-Control": caching, **(headers or {})}
    asked = request.headers.get("if-none-match", "")
    if status == 200 and tag in {each.strip() for each in asked.split(",")}:
        return Response(status_code=304, headers=every)
    return Response(body, status, every, media_type=kind)


class Templates:
    """Makes pages."""

    def __init__(self, files: Files, release: str) -> None:
        self._environment = Environment(
            loader=PackageLoader("newstally_dashboard"),
            autoescape=True,
            auto_reload=False,  # a look at each file for each page
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            file=files.address,
            release=release,
            address=address,
            entity_address=charts.entity_address,
        )
        self._environment.filters.update(
            count=figures.count,
            number=figures.number,
            per=figures.per,
            times=figures.times,
            size=figures.size,
            seconds=figures.seconds,
            moment=figures.moment,
            entity_name=figures.entity_name,
            label_name=figures.label_name,
        )

    def page(
        self, request: Request, template: str, status: int = 200, /, **values: Any
    ) -> Response:
        """Return a page. A template knows `place`, and `theme` where the reader chose one."""
        chosen = request.cookies.get("theme", "")
        text = self._environment.get_template(template).render(
            place=place_of(request), theme=chosen if chosen in THEMES else "", **values
        )
        headers = {"Vary": "Cookie"}
        return validated(request, text.encode(), "text/html", status=status, headers=headers)


def place_of(request: Request) -> Place:
    """Return where the reader is."""
    return Place(request.url.path, tuple(request.query_params.multi_items()))
