"""Which processes `newstally up` runs."""

from pathlib import Path

from newstally.up.services import Options, make_plan


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
