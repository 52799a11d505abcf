"""Which processes `newstally up` runs."""

import subprocess
import sys
from pathlib import Path

import pytest
from newstally.errors import InputError
from newstally.up.services import Options, extractor_count, make_plan, usable_cores


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
    assert argv[1:4] == ["-P", "-m", "newstally_extractor"]
    assert argv[-6:] == ["--model=m", "--port", "5", "--admin-port", "6", "--more"]


def test_the_dashboard_is_run_where_it_is_asked_for() -> None:
    """On its own port, with its own flags; it is told the gateway when that is known."""
    assert make_plan(Options()).dashboard is None
    plan = make_plan(Options(flags={"dashboard": ["--cache-seconds=1"]}, dashboard_port=8081))
    assert plan.dashboard is not None
    assert plan.dashboard.port == 8081
    assert plan.dashboard.command[2:4] == ("-m", "newstally_dashboard")
    assert plan.dashboard.command[-1] == "--cache-seconds=1"


@pytest.mark.parametrize(("cores", "number"), [(1, 1), (2, 1), (3, 2), (8, 7), (1000, 256)])
def test_auto_leaves_one_core_to_the_others(cores: int, number: int) -> None:
    """One extractor per core but one, at least one, and never more than may be asked for."""
    assert extractor_count("auto", cores) == number


def test_a_number_is_what_it_says() -> None:
    """However many cores there are."""
    assert extractor_count("3", 1) == 3


@pytest.mark.parametrize("text", ["0", "-1", "257", "many", "", "1.5", "\u0663"])
def test_another_word_is_refused(text: str) -> None:
    """The message names what can be written."""
    with pytest.raises(InputError, match="auto, or a number from 1 to 256"):
        extractor_count(text, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux binds a process to cores")
def test_only_the_cores_that_may_be_used_are_counted() -> None:
    """`taskset` and a container's set of cores are respected."""
    program = (
        "import os; from newstally.up.services import usable_cores;"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(usable_cores())"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert int(done.stdout) == 1 <= usable_cores()
