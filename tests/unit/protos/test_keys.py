"""The keys file: what is written is read, and what is not meant is refused."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from newstally_protos.keys import (
    SCOPES,
    Key,
    KeysError,
    Limits,
    allows,
    digest_of,
    new_key_id,
    new_secret,
    read_keys,
    write_keys,
)

FIRST, LAST = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2000, 2100))
rates = st.none() | st.floats(min_value=0.001, max_value=1e9)
counts = st.none() | st.integers(min_value=1, max_value=2**40)
times = st.none() | st.datetimes(min_value=FIRST, max_value=LAST, timezones=st.just(UTC))
keys = st.builds(
    Key,
    id=st.integers(0, 2**64 - 1).map("{:016x}".format),
    owner=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    scopes=st.frozensets(st.sampled_from(SCOPES), min_size=1),
    publications=st.none() | st.lists(st.text(min_size=1, max_size=20), min_size=1).map(tuple),
    created=times,
    expires=times,
    weight=st.integers(1, 1000),
    family=st.just("") | st.integers(0, 2**64 - 1).map("{:016x}".format),
    limits=st.builds(Limits, rates, rates, rates, counts, counts, counts, counts),
)


def entry(**fields: Any) -> bytes:
    """Return a file with one key, changed as told; None takes a field away."""
    whole = {
        "id": "0123456789abcdef",
        "owner": "team-a",
        "sha256": "0" * 64,
        "scopes": ["read"],
        **fields,
    }
    return json.dumps({"keys": [{k: v for k, v in whole.items() if v is not None}]}).encode()


@given(st.lists(keys, max_size=4, unique_by=lambda key: key.id))
def test_what_was_written_is_read(made: list[Key]) -> None:
    """Nothing is lost, rounded or added."""
    assert read_keys(write_keys(made)) == tuple(made)


@pytest.mark.parametrize("text", [b"", b" \n", b'{"keys": []}', b'{"keys":[]}\n'])
def test_an_empty_file_has_no_keys(text: bytes) -> None:
    """That is no error: it lets nobody in."""
    assert read_keys(text) == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (b"keys:", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b'{"keys": {}}', "must be a list"),
        (b'{"key": []}', "'key'"),
        (b"[]", "must be an object"),
        (entry(id="short"), "id"),
        (entry(owner=""), "owner"),
        (entry(owner="a/b"), "owner"),
        (entry(sha256="0" * 63), "sha256"),
        (entry(scopes=[]), "scopes"),
        (entry(scopes=None), "scopes"),
        (entry(scopes=["root"]), "scopes"),
        (entry(scopes="read"), "scopes"),
        (entry(publications="*"), "publications"),
        (entry(publications=[]), "publications"),
        (entry(publications=["x" * 5000]), "publications"),
        (entry(publications=["\ud800"]), "half of a sign"),
        (entry(expires="2026-01-31"), "expires"),
        (entry(expires=17), "expires"),
        (entry(weight=0), "weight"),
        (entry(weight=True), "weight"),
        (entry(limits={"articles_per_secnd": 3}), "articles_per_secnd"),
        (entry(limits={"streams": 1.5}), "streams"),
        (entry(limits={"streams": True}), "streams"),
        (entry(limits={"bytes_per_second": 0}), "bytes_per_second"),
        (entry(limits={"bytes_per_second": float("nan")}), "bytes_per_second"),
        (entry(limits=[]), "limits"),
        (entry(limit={"streams": 1}), "limit"),
        (entry()[:-2] + b"," + entry()[10:], "same id"),
    ],
)
def test_what_is_not_meant_is_refused_by_its_name(text: bytes, named: str) -> None:
    """A misspelt limit is not "no limit"; what is said holds no digest."""
    with pytest.raises(KeysError, match=named) as caught:
        read_keys(text)
    assert "0" * 32 not in str(caught.value)


def test_secrets_are_of_256_bits_and_need_no_escaping() -> None:
    """Two are never the same."""
    made = {new_secret() for _ in range(100)}
    assert len(made) == len({new_key_id() for _ in range(100)}) == 100
    assert all(len(secret) == 43 and secret.isascii() and "." not in secret for secret in made)
    assert digest_of("a") != digest_of("b")


@pytest.mark.parametrize(
    ("globs", "named", "others"),
    [
        (None, ["anything", ""], []),
        (("*",), ["anything"], []),
        (("Daily *",), ["daily planet", "DAILY  PLANET ", "Daily X"], ["daily", "The Daily X"]),
        (("the post", "[bc]bc"), ["The Post", "BBC", "cbc"], ["The Posts", "abc", ""]),
        (("a.c",), ["a.c"], ["abc"]),
        (("a|b*",), ["a|bc"], ["a", "bc"]),
    ],
)
def test_globs_name_publications_in_any_spelling(
    globs: tuple[str, ...] | None, named: list[str], others: list[str]
) -> None:
    """As publications are told apart: case, width and white space do not matter."""
    assert all(allows(globs, name) for name in named)
    assert not any(allows(globs, name) for name in others)
