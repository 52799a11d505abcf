"""Which processes `newstally up` runs."""

from pathlib import Path

import pytest
from newstally import InputError
from newstally.up.services import Options, make_plan, parse_settings


def test_each_service_gets_its_own_flags() -> None:
    """The public port is the gateway's, the directory the persister's, the rest as told."""
    flags = {"extractor": ["--model=m"], "gateway": ["--drain=20"], "persister": ["--drain=x"]}
    plan = make_plan(Options(extractors=2, data=Path("d"), port=7, flags=flags))
    assert plan.gateway.port == 7
    assert plan.gateway.drain_seconds == 20.0
    assert plan.persister.drain_seconds == 8.0
    assert "--data-dir d --drain=x" in " ".join(plan.persister.command)
    assert [spec.name for spec in plan.extractors] == ["extractor-1", "extractor-2"]
    argv = plan.extractors[1].argv(5, 6, ["--more"])
    assert argv[1:3] == ["-m", "newstally_extractor"]
    assert argv[-6:] == ["--model=m", "--port", "5", "--admin-port", "6", "--more"]


def test_any_flag_can_be_set() -> None:
    """SERVICE.flag=value; the value may hold anything."""
    assert parse_settings(["gateway.drain=2", "persister.sink=a=b c", "gateway.x="]) == {
        "gateway": ["--drain=2", "--x="],
        "persister": ["--sink=a=b c"],
    }


@pytest.mark.parametrize("setting", ["gateway.port=1", "extractor.admin-port=9102"])
def test_ports_cannot_be_set_behind_its_back(setting: str) -> None:
    """It hands the ports out itself; what it would ignore is refused."""
    with pytest.raises(InputError, match="chooses the ports"):
        parse_settings([setting])


@pytest.mark.parametrize(
    "setting", ["", "drain=2", "client.drain=2", "gateway.drain", "gateway.=1"]
)
def test_settings_for_nobody_are_refused(setting: str) -> None:
    """A mistyped --set is told, not ignored."""
    with pytest.raises(InputError, match="write SERVICE"):
        parse_settings([setting])
