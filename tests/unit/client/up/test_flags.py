"""Flags of services under `newstally up`."""

import pytest
from newstally import InputError
from newstally.up.flags import FIXED, OWN, RENAMED, as_typed, listed_flags, parse_settings
from newstally.up.services import KINDS

KNOWN = {
    "gateway": {"port", "admin-port", "drain", "batch-age", "batch-bytes", "memory-bytes"},
    "persister": {"sink", "flush-age", "flush-rows", "data-dir", "log-format"},
}


def parse(*settings: str) -> dict[str, list[str]]:
    return parse_settings(settings, KINDS, KNOWN.__getitem__)


def test_any_flag_can_be_set() -> None:
    """SERVICE.flag=value; the value may hold anything."""
    assert parse("gateway.drain=2", "persister.sink=a=b c", "gateway.batch-age=") == {
        "gateway": ["--drain=2", "--batch-age="],
        "persister": ["--sink=a=b c"],
    }


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("gateway.port=1", "it chooses the ports; --port sets the gateway's"),
        ("gateway.admin-port=9102", "it chooses the ports"),
        ("persister.data-dir=x", "use --data"),
        ("persister.log-format=console", "use --log-format"),
    ],
)
def test_what_it_sets_itself_cannot_be_set_behind_its_back(setting: str, remedy: str) -> None:
    """What it would ignore, or stumble over, is refused with what to do instead."""
    with pytest.raises(InputError) as caught:
        parse(setting)
    assert str(caught.value) == f"--set {setting}: not under `newstally up`: {remedy}"


@pytest.mark.parametrize(
    "setting", ["", "drain=2", "client.drain=2", "gateway.drain", "gateway.=1"]
)
def test_settings_for_nobody_are_refused(setting: str) -> None:
    """A mistyped --set is told, not ignored."""
    with pytest.raises(InputError, match="write SERVICE"):
        parse(setting)


@pytest.mark.parametrize(
    ("setting", "remedy"),
    [
        ("gateway.drian=2", "did you mean drain?"),
        ("gateway.batch=2", "did you mean batch-age or batch-bytes?"),
        ("persister.rows=2", "did you mean flush-rows?"),
        ("persister.xyzzy=2", "it has flush-age, flush-rows, sink"),
    ],
)
def test_an_unknown_flag_is_told_with_the_nearest(setting: str, remedy: str) -> None:
    """Before anything is started; names that cannot be set are not proposed."""
    with pytest.raises(InputError, match=f"has no such flag; {remedy}".replace("?", r"\?")):
        parse(setting)


@pytest.mark.parametrize("kind", KINDS)
def test_the_services_list_their_flags(kind: str) -> None:
    """What --help shows is what can be set; the flags that are treated apart exist."""
    flags = listed_flags(kind)
    assert {"drain", "port", "log-format", "log-level"} <= flags
    assert "help" not in flags
    special = {
        "persister": {"data-dir", "sink", "flush-age"},
        "extractor": {"model", "engine"},
        "gateway": {"persister", "extractors"},
    }
    assert special[kind] <= flags
    assert special[kind] <= OWN | set(FIXED) | set(RENAMED)


def test_a_message_names_the_flags_that_the_user_typed() -> None:
    """The persister's --data-dir is --data here, and what has no flag of its own is --set."""
    assert as_typed("persister", "d--x is in use: set --data-dir to another") == (
        "d--x is in use: set --data to another"
    )
    assert as_typed("extractor", "--model (X_MODEL): no such pipeline") == (
        "--model (X_MODEL): no such pipeline"
    )
    assert as_typed("persister", "--flush-rows: must be above 0") == (
        "--set persister.flush-rows: must be above 0"
    )
