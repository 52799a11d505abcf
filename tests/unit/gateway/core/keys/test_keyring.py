"""Who is let in."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from newstally_gateway.core.keys import keyring as module
from newstally_gateway.core.keys.callers import (
    EXPIRED_KEY,
    NO_KEY,
    NO_KEYS,
    WRONG_KEY,
    Caller,
    Ground,
    Rejection,
)
from newstally_gateway.core.keys.keyring import Keyring
from newstally_protos.keys import Key, digest_of, new_key_id, new_secret, same_digest

START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START.timestamp()
STREAM = "/newstally.v1.GatewayService/StreamArticles"
LIST = "/newstally.v1.TallyService/ListPublications"
GET = "/newstally.v1.UploadService/GetUpload"
CREATE = "/newstally.v1.UploadService/CreateUpload"
ASSIGN = "/newstally.v1.UploadService/AssignUpload"
METHODS = (STREAM, LIST, GET, CREATE, ASSIGN)
SECRET = new_secret()


def key(owner: str = "team-a", *scopes: str, secret: str = SECRET) -> Key:
    return Key(
        id=new_key_id(),
        owner=owner,
        sha256=digest_of(secret),
        scopes=frozenset(scopes or ("read", "write")),
    )


def bearer(known: Key, secret: str = SECRET) -> list[str]:
    return [f"Bearer {known.id}.{secret}"]


def test_a_good_key_says_who_calls() -> None:
    """The scheme's case does not matter (RFC 9110)."""
    known = key()
    ring = Keyring([key("other"), known])
    assert ring.admit(bearer(known), STREAM, NOW) == Caller("team-a", known)
    assert ring.admit([f"bearer {known.id}.{SECRET} "], STREAM, NOW) == Caller("team-a", known)


@pytest.mark.parametrize(
    "shown",
    [
        "Bearer {id}.{short}",
        "Bearer {id}.{secret}x",
        "Bearer {id}.",
        "Bearer {id}",
        "Bearer .{secret}",
        "Bearer ",
        "Bearer",
        "",
        "{id}.{secret}",
        "Basic {id}.{secret}",
        "Bearer {other}.{secret}",
        "Bearer {id}.{digest}",
        "Bearer {id}.{secret}, Bearer {id}.{secret}",
        "Bearer {id}.\N{GREEK SMALL LETTER ALPHA}",
        "Bearer " + "x" * 100_000,
    ],
)
def test_any_other_is_rejected_in_the_same_words(shown: str) -> None:
    """Whatever is wrong with it; what is said holds nothing of it."""
    known = key()
    credentials = shown.format(
        id=known.id,
        secret=SECRET,
        short=SECRET[:-1],
        other=new_key_id(),
        digest=known.sha256,
    )
    assert Keyring([known]).admit([credentials], STREAM, NOW) == WRONG_KEY
    assert Keyring([]).admit([credentials], STREAM, NOW) == NO_KEYS


def test_two_credentials_are_one_too_many() -> None:
    """Which of them counts would be anybody's guess."""
    known = key()
    assert Keyring([known]).admit(bearer(known) * 2, STREAM, NOW) == WRONG_KEY


def test_none_is_told_what_is_needed() -> None:
    """Or that nobody can have one yet."""
    assert Keyring([key()]).admit([], STREAM, NOW) == NO_KEY
    assert Keyring([]).admit([], STREAM, NOW) == NO_KEYS


def test_an_unknown_key_costs_what_a_known_one_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One digest, one comparison in constant time, each time."""
    steps: list[str] = []

    def count_digest(secret: str) -> str:
        steps.append("digest")
        return digest_of(secret)

    def count_compare(known: str, shown: str) -> bool:
        steps.append("compare")
        return same_digest(known, shown)

    monkeypatch.setattr(module, "digest_of", count_digest)
    monkeypatch.setattr(module, "same_digest", count_compare)
    known = key()
    ring = Keyring([known])
    for credentials in (bearer(known), bearer(known, "wrong"), bearer(key()), [""], ["x"] * 2):
        steps.clear()
        ring.admit(credentials, STREAM, NOW)
        assert steps == ["digest", "compare"]


def test_nobody_is_not_let_in_with_an_empty_secret() -> None:
    """What an unknown key is compared with is no key."""
    assert Keyring([key()]).admit(["Bearer ."], STREAM, NOW) == WRONG_KEY


def test_an_expired_key_says_so_to_who_has_it() -> None:
    """From the second on that it names. Who guesses its id learns nothing."""
    known = replace(key(), expires=START + timedelta(days=1))
    ring = Keyring([known])
    late = NOW + 86_400
    assert isinstance(ring.admit(bearer(known), STREAM, late - 1), Caller)
    assert ring.admit(bearer(known), STREAM, late) == EXPIRED_KEY
    assert ring.admit(bearer(known, "guessed"), STREAM, late) == WRONG_KEY


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ("read", {LIST, GET}),
        ("write", {STREAM, GET, CREATE}),
        ("admin", {ASSIGN, "/made.up/Method", "/newstally.v1.JournalService/RecordBatch", "/x"}),
    ],
)
def test_a_scope_allows_its_methods_and_no_others(scope: str, allowed: set[str]) -> None:
    """Who may not is told which scope is needed."""
    known = key("a", scope)
    ring = Keyring([known])
    for method in {*METHODS, *allowed}:
        found = ring.admit(bearer(known), method, NOW)
        assert isinstance(found, Caller) == (method in allowed), method
        if isinstance(found, Rejection):
            assert found.ground is Ground.DENIED
            assert "has not the scope" in found.message


def test_an_open_stream_ends_with_its_key() -> None:
    """Revoked, expired, given to another owner, or made anew under its id; changed, it goes on."""
    known = key()
    caller = Caller("team-a", known)
    changed = replace(known, weight=5)
    assert Keyring([known]).look_again(caller, STREAM, NOW) == caller
    assert Keyring([changed]).look_again(caller, STREAM, NOW) == Caller("team-a", changed)
    assert Keyring([]).look_again(caller, STREAM, NOW) == WRONG_KEY
    expired = replace(known, expires=START)
    assert Keyring([expired]).look_again(caller, STREAM, NOW) == EXPIRED_KEY
    for other in (replace(known, owner="b"), replace(known, sha256=digest_of("new"))):
        assert Keyring([other]).look_again(caller, STREAM, NOW) == WRONG_KEY
    narrowed = Keyring([replace(known, scopes=frozenset({"read"}))])
    found = narrowed.look_again(caller, STREAM, NOW)
    assert isinstance(found, Rejection)
    assert found.ground is Ground.DENIED
