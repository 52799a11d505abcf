"""Page tokens: opaque, bound to their list, harmless when made up."""

import base64
import json
from contextlib import nullcontext

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_persister.services.paging import next_token, page_items, read_token
from newstally_runtime.status import StatusError

QUERY = ("entities", "post", "P")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.integers(0, 2**63 - 1), TEXTS, TEXTS)
def test_a_token_brings_its_position_back(mentions: int, text: str, label: str) -> None:
    """What was put in comes out, for any text."""
    token = next_token(QUERY, (mentions, text, label))
    assert read_token(token, QUERY, (int, str, str)) == (mentions, text, label)


def test_no_token_is_the_first_page() -> None:
    """An empty token has no position."""
    assert read_token("", QUERY, (int, str, str)) is None


def _made_up(*position: object) -> str:
    fingerprint = json.loads(base64.urlsafe_b64decode(next_token(QUERY, ())))[0]
    return base64.urlsafe_b64encode(json.dumps([fingerprint, *position]).encode()).decode()


@pytest.mark.parametrize(
    "token",
    [
        next_token(("entities", "times", "P"), (1, "x", "P")),
        next_token(("entities", "post", ""), (1, "x", "P")),
        next_token(("publications",), (1, "x", "P")),
        next_token(QUERY, (1, "x")),
        next_token(QUERY, ("x", 1, "P")),
        _made_up(-1, "x", "P"),
        _made_up(2**63, "x", "P"),
        _made_up(True, "x", "P"),
        _made_up(1, "\ud800", "P"),
        _made_up(1, None, "P"),
        base64.urlsafe_b64encode(b"{}").decode(),
        base64.urlsafe_b64encode(b"[[]]").decode(),
        base64.urlsafe_b64encode(b"[" * 20_000).decode(),
        "x" * 100_000,
        "ä",
        "AAAA",
        "\ud800",
    ],
)
def test_a_foreign_token_is_an_invalid_argument(token: str) -> None:
    """Another list's token, or one made up, is refused and never reaches a database."""
    with pytest.raises(StatusError, match="page_token") as caught:
        read_token(token, QUERY, (int, str, str))
    assert caught.value.code is grpc.StatusCode.INVALID_ARGUMENT


@given(st.text())
def test_no_token_breaks_anything(token: str) -> None:
    """Whatever a client sends is the first page or an error of its own, never another error."""
    with pytest.raises(StatusError) if token else nullcontext():
        read_token(token, QUERY, (int, str, str))


def test_page_sizes_are_bounded() -> None:
    """0 means 100, over 1,000 means 1,000, below zero is refused."""
    assert [page_items(size) for size in (0, 1, 1_000, 2_000)] == [100, 1, 1_000, 1_000]
    with pytest.raises(StatusError):
        page_items(-1)
