"""docs/dashboard.md has every metric of the dashboard, and every setting that it names is one."""

import re

from newstally_dashboard.metrics import Metrics
from newstally_dashboard.settings import DashboardSettings
from prometheus_client import CollectorRegistry
from support.processes import REPOSITORY

PAGE = (REPOSITORY / "docs" / "dashboard.md").read_text()
_ROW = re.compile(r"^\| `(newstally_\w+)` \| (\w+) \| (.*?) ?\|", re.MULTILINE)


def test_the_table_is_what_is_exposed() -> None:
    """Name, type and labels."""
    registry = CollectorRegistry()
    metrics = vars(Metrics(registry)).values()
    told = {
        name: (kind, set(re.findall(r"\w+", labels))) for name, kind, labels in _ROW.findall(PAGE)
    }
    exposed = {
        each.describe()[0].name + ("_total" if each.describe()[0].type == "counter" else ""): (
            each.describe()[0].type,
            set(each._labelnames),
        )
        for each in metrics
    }
    assert told == exposed


def test_every_flag_is_a_setting() -> None:
    """With the default that the page gives."""
    flags = set(re.findall(r"`--([a-z-]+)`", PAGE)) - {"help"}
    assert len(flags) > 8
    assert {flag.replace("-", "_") for flag in flags} <= DashboardSettings.model_fields.keys()
    for flag, value in re.findall(r"`--([a-z-]+)`, (\d+)", PAGE):
        assert getattr(DashboardSettings(), flag.replace("-", "_")) in {
            int(value),
            int(value) * 2**20,
        }
