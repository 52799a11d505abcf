"""Addresses of the dashboard's pages."""

from urllib.parse import urlencode

from browser.sites import Names


def publication(name: str, **more: str) -> str:
    return f"/publication?{urlencode({'name': name, **more})}"


def entity(text: str, label: str, **more: str) -> str:
    return f"/entity?{urlencode({'text': text, 'label': label, **more})}"


def compare(entities: list[tuple[str, str]], **more: str) -> str:
    some = [("entity", f"{label}:{text}") for text, label in entities]
    return f"/compare?{urlencode([*some, *more.items()])}"


def compare_publications(names: list[str], **more: str) -> str:
    return f"/compare?{urlencode([*(('publication', name) for name in names), *more.items()])}"


def search(beginning: str, **more: str) -> str:
    return f"/search?{urlencode({'q': beginning, **more})}"


def every_page(names: Names) -> dict[str, str]:
    """Return an address of each kind of page, with something to see, by a name for it."""
    first, second = names.publications[:2]
    most = names.entities
    return {
        "overview": "/",
        "overview-month": "/?period=30d&sort=name",
        "publication": publication(first),
        "publication-label": publication(second, label=most[0][1], period="90d"),
        "entity": entity(*most[0]),
        "entity-period": entity(*most[1], period="90d"),
        "compare": compare(most[:3]),
        "compare-five": compare(most[:5], by="month", measure="per_hundred"),
        "compare-publications": compare_publications([first, second], by="week"),
        "search": search(most[0][0][:2]),
        "search-nothing": search("zzzzqqqq"),
        "status": "/status",
    }


NOT_THERE = {
    "no-such-page": "/nonsense",
    "no-such-publication": publication("Nobody's Gazette"),
    "no-such-entity": entity("nobody at all", "PERSON"),
}
"""Told with 404, on a page that leads on."""
