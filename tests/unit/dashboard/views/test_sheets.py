"""Tables as CSV, for people who open them with a spreadsheet."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.views.sheets import disposition, entity_rows, harmless, rows_text
from newstally_protos.v1.tally_pb2 import EntityTally


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+49", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "\n=1", "\uff1d1", "=cmd|' /C x'!A0"],
)
def test_nothing_begins_as_a_formula(cell: str) -> None:
    """An apostrophe makes it text."""
    assert harmless(cell) == f"'{cell}"


def test_other_names_stay_as_they_are() -> None:
    """Also such as have these signs elsewhere."""
    for name in ("AT&T", "Jean-Luc", "a=b", "", "<b>", "مرحبا", "🙂"):
        assert harmless(name) == name


def test_entities_are_rows() -> None:
    """With the name that readers write, and what is counted."""
    tallies = [
        EntityTally(text="nato", label="ORG", mentions=3, articles=2, name="NATO"),
        EntityTally(text='a "b", c', label="ORG", mentions=-0, articles=0),
    ]
    rows = list(csv.reader(io.StringIO(entity_rows(tallies), newline="")))
    assert rows == [["NATO", "nato", "ORG", "3", "2"], ['a "b", c', 'a "b", c', "ORG", "0", "0"]]


@given(st.lists(st.text()))
def test_any_text_is_read_back(cells: list[str]) -> None:
    """Line ends and quotes in it, too."""
    row = ["first", *(cell.replace("\0", "") for cell in cells)]
    (read,) = csv.reader(io.StringIO(rows_text([row]), newline=""))
    assert read == [harmless(cell) for cell in row]


@given(st.text())
def test_a_download_has_a_name_that_harms_nobody(name: str) -> None:
    """No header is split by it, and no folder named."""
    header = disposition(name)
    assert header.isascii()
    assert re.fullmatch(
        r"attachment; filename=\"[A-Za-z0-9._-]+\.csv\"; filename\*=UTF-8''[\w.%~-]+\.csv", header
    )
    assert "/" not in header.removeprefix("attachment; ")
