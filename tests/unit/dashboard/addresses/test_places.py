"""Addresses of pages, made and read."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.addresses.places import Place, address
from newstally_dashboard.addresses.reading import AddressError, choice_of, page_of, required
from starlette.datastructures import QueryParams

HERE = Place("/publication", (("name", "A & B"), ("page", "3"), ("sort", "name")))


def test_one_part_is_changed_and_the_rest_stays() -> None:
    """So the address of a page holds its whole state."""
    assert HERE.to(page=4) == "/publication?name=A+%26+B&sort=name&page=4"
    assert HERE.to(page=None, sort="") == "/publication?name=A+%26+B"
    assert HERE.but(("page",)) == (("name", "A & B"), ("sort", "name"))


def test_of_several_values_one_is_taken_out_or_added() -> None:
    """What is compared."""
    place = Place("/compare", (("entity", "ORG:a"), ("entity", "ORG:b"), ("q", "c")))
    assert place.without("entity", "ORG:a") == "/compare?entity=ORG%3Ab&q=c"
    assert place.with_("entity", "ORG:c", "q").endswith("&entity=ORG%3Ac")
    assert "q=" not in place.with_("entity", "ORG:c", "q")


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_name_survives_its_address(name: str) -> None:
    """Whatever signs it has."""
    split = urlsplit(address("/publication", name=name))
    assert split.path == "/publication"
    assert parse_qsl(split.query, strict_parsing=True) == [("name", name)]


@pytest.mark.parametrize("text", ["0", "-1", "x", "1.5", "²", "9" * 30])
def test_pages_are_numbered_from_one(text: str) -> None:
    """Everything else is told to be wrong."""
    with pytest.raises(AddressError):
        page_of(QueryParams({"page": text}))
    assert page_of(QueryParams("page=7")) == 7
    assert page_of(QueryParams("")) == 1


def test_choices_and_what_must_be_said() -> None:
    """The first choice where nothing is said."""
    assert choice_of(QueryParams(""), "sort", ("a", "b")) == "a"
    assert choice_of(QueryParams("sort=b"), "sort", ("a", "b")) == "b"
    with pytest.raises(AddressError, match="one of a, b"):
        choice_of(QueryParams("sort=c"), "sort", ("a", "b"))
    with pytest.raises(AddressError, match="name"):
        required(QueryParams("name=+"), "name")
