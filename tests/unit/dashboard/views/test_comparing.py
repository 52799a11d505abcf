"""What is compared, as addresses say it; and small lines."""

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_dashboard.addresses.reading import AddressError
from newstally_dashboard.views.charts import lines
from newstally_dashboard.views.comparing import (
    Kind,
    entity_value,
    items_of,
    kind_of,
    told_apart,
)
from newstally_dashboard.views.sparks import HEIGHT, WIDTH, spark
from starlette.datastructures import QueryParams


def test_each_is_compared_once() -> None:
    """In the order of the address."""
    items = items_of(QueryParams("entity=ORG:b&entity=PERSON:a&entity=ORG:b&q=x"))
    assert [(each.label, each.text) for each in items] == [("ORG", "b"), ("PERSON", "a")]
    (paper,) = items_of(QueryParams({"publication": "A: B"}))
    assert (paper.kind, paper.text, paper.label) == (Kind.PUBLICATION, "A: B", "")


@given(
    st.text(min_size=1).filter(str.strip),
    st.sampled_from(["ORG", "", "PERSON", "A:B", "50 %3A", ":"]),
)
def test_any_entity_can_be_named(text: str, label: str) -> None:
    """Also with a colon in it, or in its label."""
    (item,) = items_of(QueryParams({"entity": entity_value(text, label)}))
    assert (item.label, item.text.strip()) == (label, text.strip())


def test_the_same_names_have_their_labels() -> None:
    """Where there are labels; other names are as they are."""
    names = ["Washington", "Seattle", "Washington", "Reno", "Reno"]
    assert told_apart(names, ["Person", "Person", "Place", "", ""]) == [
        *("Washington (Person)", "Seattle", "Washington (Place)", "Reno", "Reno")
    ]


@given(st.lists(st.sampled_from(["a", "a (2)", "a (3)", "b", "W" * 60, "W" * 61, "W" * 62])))
def test_no_two_lines_have_the_same_name(names: list[str]) -> None:
    """Also where only what was cut off told them apart, or one is called like a numbered one."""
    spec = lines(names, [[] for _ in names], "mentions", "mentions")
    shown = [each["name"] for each in spec["series"]]
    assert len(set(shown)) == len(names)
    assert all(each.startswith(name[:59]) for name, each in zip(names, shown, strict=True))


def test_what_cannot_be_compared_is_told() -> None:
    """Names with publications, more than five, and nothing at all."""
    for query in ("entity=A:b&publication=c", "entity=nothing", "entity=A:"):
        with pytest.raises(AddressError):
            items_of(QueryParams(query))
    with pytest.raises(AddressError, match="at most 5"):
        items_of(QueryParams("&".join(f"entity=A:{number}" for number in range(6))))


def test_what_may_be_added_is_of_the_same_kind() -> None:
    """Whatever else the address wants."""
    items = items_of(QueryParams("publication=a"))
    assert kind_of(items, "entity") is Kind.PUBLICATION
    assert kind_of([], "publication") is Kind.PUBLICATION
    assert kind_of([], "") is Kind.ENTITY


@given(st.lists(st.integers(0, 10**12)))
def test_a_line_stays_within_its_picture(values: list[int]) -> None:
    """Whatever the values: none, one, all the same."""
    root = ET.fromstring(spark(values))
    points = root[1].attrib["points"].split()
    assert len(points) == max(len(values), 2 if values else 0)
    for x, y in (map(float, point.split(",")) for point in points):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
