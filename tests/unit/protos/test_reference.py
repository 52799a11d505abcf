"""docs/api.md: every service, method, message, field and value, with what its comment says."""

import re
from typing import Any

import pytest
from google.protobuf.descriptor import EnumDescriptor, FileDescriptor
from newstally_protos.v1 import (
    article_pb2,
    draining_pb2,
    envelope_pb2,
    extractor_pb2,
    gateway_pb2,
    journal_pb2,
    persister_pb2,
    set_aside_pb2,
    status_pb2,
    tally_pb2,
    upload_pb2,
)
from support.processes import REPOSITORY

PAGE = (REPOSITORY / "docs" / "api.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^#{3,4} (\S+)\n\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL))
FILES: list[FileDescriptor] = [
    *(article_pb2.DESCRIPTOR, draining_pb2.DESCRIPTOR, envelope_pb2.DESCRIPTOR),
    *(extractor_pb2.DESCRIPTOR, gateway_pb2.DESCRIPTOR, journal_pb2.DESCRIPTOR),
    *(persister_pb2.DESCRIPTOR, status_pb2.DESCRIPTOR),
    *(set_aside_pb2.DESCRIPTOR, tally_pb2.DESCRIPTOR, upload_pb2.DESCRIPTOR),
]


def names() -> dict[str, list[str]]:
    """Return what each section has rows for."""
    found: dict[str, list[str]] = {}

    def add(type_: Any) -> None:
        name = type_.full_name.removeprefix("newstally.v1.")
        if isinstance(type_, EnumDescriptor):
            found[name] = [f"`{value.name}` = {value.number}" for value in type_.values]
            return
        found[name] = [f"`{field.name}` = {field.number}" for field in type_.fields]
        for inner in (*type_.nested_types, *type_.enum_types):
            add(inner)

    for file in FILES:
        for type_ in (*file.message_types_by_name.values(), *file.enum_types_by_name.values()):
            add(type_)
        for service in file.services_by_name.values():
            found[service.name] = []
            found |= {f"{service.name}.{method.name}": ["→"] for method in service.methods}
    return found


def test_the_page_is_current() -> None:
    """`make proto` makes it; what is not there any more is not in it."""
    assert SECTIONS.keys() == names().keys()


@pytest.mark.parametrize("name", names())
def test_nothing_is_without_a_word(name: str) -> None:
    """Each row and each section says what it is."""
    section = SECTIONS[name]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    assert all(re.search(r"\| [^|]*\w[^|]* \|$", row.replace("\\|", "/")) for row in rows)
    assert all(wanted in section for wanted in names()[name])
    text = [line for line in section.splitlines() if line and "→" not in line and line[0] != "|"]
    assert text


def test_every_link_leads_somewhere() -> None:
    """To a section of the page, as its anchor is made."""
    anchors = {name.lower().replace(".", "") for name in SECTIONS}
    links = re.findall(r"\]\(#([^)]+)\)", PAGE)
    assert len(links) > 50
    assert set(links) <= anchors
