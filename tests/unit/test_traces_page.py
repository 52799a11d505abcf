"""docs/traces.md: each span that the code knows, and no other."""

import ast
import re
from collections.abc import Iterator

from newstally_gateway.clients import tracing as gateway
from newstally_persister.flushing import tracing as persister
from newstally_protos.tracing import names
from newstally_protos.tracing.opening import ENDPOINT
from support.processes import REPOSITORY

PAGE = (REPOSITORY / "docs" / "traces.md").read_text()
PACKAGES = {
    "client": "newstally",
    "gateway": "newstally_gateway",
    "extractor": "newstally_extractor",
    "persister": "newstally_persister",
}


def rows() -> dict[str, list[str]]:
    """Return the cells of the table of spans, by name."""
    found = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split(" |")] for name, cells in found}


def used(distribution: str) -> Iterator[str]:
    """Yield the names of the spans that a distribution begins."""
    for file in (REPOSITORY / distribution / "src" / PACKAGES[distribution]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "names"
                and node.attr.isupper()
            ):
                yield getattr(names, node.attr)


def test_the_table_has_every_span_and_who_begins_it() -> None:
    """In the order of the code's list."""
    known = [value for name, value in vars(names).items() if name.isupper() and name != "PREFIX"]
    assert list(rows()) == known
    begun = {name: process for process in PACKAGES for name in used(process)}
    assert {name: cells[0] for name, cells in rows().items()} == begun


def test_what_it_says_of_bounds_is_so() -> None:
    """The numbers of the code, in words."""
    text = " ".join(PAGE.split())
    assert ENDPOINT in text
    for said in (
        f"at most {gateway.STREAMS_PER_SECOND:.0f} streams a second ({gateway.STREAMS_AT_ONCE} at",
        f"{gateway.ARTICLES_PER_SECOND:.0f} articles a second ({gateway.ARTICLES_AT_ONCE} at once",
        f"a persister {persister.COMMITS_PER_SECOND:.0f} batches a second",
        f"at most {persister.LINKS} links and {persister.PARTS} parts",
    ):
        assert said in text
