"""Document ids and order keys: safe for any text, and no two texts share one."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from newstally_persister.sinks.firestore.ids import (
    ID_LIMIT_BYTES,
    ORDER_LIMIT_BYTES,
    entity_id,
    order_key,
    publication_id,
)

TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    st.text("/.%|_~a", min_size=1, max_size=8),
    st.text(st.sampled_from("日🎉é/x"), min_size=300, max_size=1_400),
)
LABELS = st.text(st.sampled_from("PERSON_|/%."), min_size=1, max_size=64)


def allowed(name: str) -> bool:
    """Firestore's own rules for ids, and the project's limit."""
    return (
        0 < len(name.encode()) <= ID_LIMIT_BYTES < 1_500
        and "/" not in name
        and name not in (".", "..")
        and not re.fullmatch("__.*__", name, re.DOTALL)
    )


@given(TEXTS, LABELS)
@example(".", "P")
@example("..", "P")
@example("__x__", "P")
@example("__", "__")
@example("a/b", "P/Q")
@example("\x00\n", "P")
def test_ids_are_allowed(text: str, label: str) -> None:
    """Whatever the text, Firestore takes the id."""
    assert allowed(publication_id(text))
    assert allowed(entity_id(text, label))


@given(TEXTS, LABELS, TEXTS, LABELS)
@example("a", "b", "a|b", "b")
@example("a/", "b", "a%2F", "b")
@example("é" * 500, "P", "é" * 500 + "x", "P")
@example("é" * 501, "P", "é" * 502, "P")
def test_ids_tell_texts_apart(text: str, label: str, other: str, other_label: str) -> None:
    """Two entities, or publications, share an id only if they are the same."""
    assert (publication_id(text) == publication_id(other)) == (text == other)
    same = (text, label) == (other, other_label)
    assert (entity_id(text, label) == entity_id(other, other_label)) == same
    assert (order_key(text) == order_key(other)) == (text == other)


@given(TEXTS, TEXTS, LABELS)
@example("a", "a|b", "c")
@example("a", "ab", "c")
@example("é" * 500, "é" * 500 + "x", "P")
@example("é" * 400, "é" * 500, "P")
def test_the_beginning_of_an_id_tells_its_text(text: str, other: str, label: str) -> None:
    """Up to the label: so all labels of a text are found, and nothing else is read."""
    beginning = entity_id(text, "x").removesuffix("x")
    assert entity_id(text, label).startswith(beginning)
    assert entity_id(other, label).startswith(beginning) == (text == other)


@given(TEXTS, TEXTS)
def test_order_keys_are_bounded_and_sort_as_the_texts(text: str, other: str) -> None:
    """At most 1,400 bytes; where nothing was cut they sort as the texts do in UTF-8."""
    key = order_key(text)
    assert len(key.encode()) <= ORDER_LIMIT_BYTES < 1_500
    if len(text.encode()) < 1_300 and len(other.encode()) < 1_300:
        assert (key.encode() < order_key(other).encode()) == (text.encode() < other.encode())


@pytest.mark.parametrize(
    ("text", "label", "expected"),
    [
        ("angela merkel", "PERSON", "angela merkel|PERSON"),
        ("a/b, 100%", "ORG", "a%2Fb, 100%25|ORG"),
        ("a|b", "ORG", "a%7Cb|ORG"),
        ("日本", "GPE", "日本|GPE"),
        ("__x__", "ORG", "%5F_x__|ORG"),
        ("نيويورك", "GPE", "نيويورك|GPE"),
    ],
)
def test_ids_are_readable_and_never_change(text: str, label: str, expected: str) -> None:
    """The ids are part of the stored data's format: another release must make the same ones."""
    assert entity_id(text, label) == expected


def test_the_id_of_a_long_text_never_changes() -> None:
    """Its beginning and the SHA-256 of the whole text."""
    digest = "7e3a945917c00c149f8161a28a322d967d1d3588559e47b81b931ed0eb747b77"
    assert publication_id("日" * 1_000) == "日" * 311 + "%~" + digest
