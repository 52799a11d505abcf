"""Each alert fires in the situation that it is for, not in its neighbours, and leads somewhere."""

import re
from pathlib import Path

import pytest
import yaml
from monitoring.rules import CASES, FILE, Case, holds, metrics_of, rules, run, situation
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.settings import GatewaySettings
from newstally_persister.settings import PersisterSettings
from support.metrics_page import documented
from support.processes import REPOSITORY

RUNBOOK = (REPOSITORY / "docs" / "runbook.md").read_text()
PAIRS = [(rule["alert"], rule["labels"]["severity"]) for rule in rules()]

EACH = pytest.mark.parametrize(("alert", "severity"), CASES)


def only(alert: str, severity: str) -> str:
    """Return the file with no other rule."""
    described = yaml.safe_load(FILE.read_text())
    (group,) = described["groups"]
    group["rules"] = [
        rule
        for rule in group["rules"]
        if (rule["alert"], rule["labels"]["severity"]) == (alert, severity)
    ]
    return yaml.safe_dump(described)


def test_promtool_accepts_them() -> None:
    """All of them."""
    done = run("check", "rules", str(FILE))
    assert done.returncode == 0, done.stderr
    assert f"{len(PAIRS)} rules found" in done.stdout


def test_promtool_accepts_what_the_page_says(tmp_path: Path) -> None:
    """The example of docs/operating.md, beside the rules; the ports are those of the services."""
    page = (REPOSITORY / "docs" / "operating.md").read_text()
    (example,) = re.findall(r"^```yaml\n(rule_files.*?)^```$", page, re.MULTILINE | re.DOTALL)
    (tmp_path / "prometheus.yaml").write_text(example)
    (tmp_path / FILE.name).write_text(FILE.read_text())
    done = run("check", "config", str(tmp_path / "prometheus.yaml"))
    assert done.returncode == 0, done.stderr
    assert f"{len(PAIRS)} rules found" in done.stdout
    for kind in (GatewaySettings, ExtractorSettings, PersisterSettings):
        assert f"127.0.0.1:{kind.model_fields['admin_port'].default}" in example


def test_every_rule_has_its_case() -> None:
    """And no case is of a rule that is gone."""
    assert list(CASES) == PAIRS


@EACH
def test_it_fires_when_it_should(alert: str, severity: str, tmp_path: Path) -> None:
    """Once, and in none of the situations beside it, nor where nothing is known."""
    case = CASES[alert, severity]
    unseen = int(alert == "NewstallyUnseen") * 3
    situations = [
        situation(alert, case.fires, case.minutes, 1),
        situation(alert, {"up": "1x120"}, case.minutes, unseen),
        *(situation(alert, series, case.minutes, 0) for series in case.quiet),
    ]
    assert holds(tmp_path, only(alert, severity), *situations) is None


# What is not there has no namespace.
@pytest.mark.parametrize(
    ("alert", "severity"), [pair for pair in CASES if pair[0] != "NewstallyUnseen"]
)
def test_each_installation_is_told_of_by_itself(alert: str, severity: str, tmp_path: Path) -> None:
    """One that is well does not hide another one in another namespace."""
    case = CASES[alert, severity]
    series = in_namespace("ill", case.fires) | in_namespace("well", case.quiet[0])
    assert holds(tmp_path, only(alert, severity), situation(alert, series, case.minutes, 1)) is None


def in_namespace(name: str, series: Case | object) -> dict[str, str]:
    """Return the series with a namespace, and instances that are no others'."""
    assert isinstance(series, dict)
    found = {}
    for each, values in series.items():
        metric, _, labels = each.partition("{")
        labels = labels.rstrip("}").replace('instance="', f'instance="{name}-')
        found[f'{metric}{{namespace="{name}"{", " + labels if labels else ""}}}'] = values
    return found


@pytest.mark.parametrize(
    ("alert", "right", "wrong"),
    [
        ("NewstallyPersisterAway", "max by", "min by"),
        ("NewstallyPersisterAway", "for: 2m", "for: 10m"),
        ("NewstallyJournalFills", "> 0.5", "> 0.6"),
        ("NewstallyAppliedLags", "unless", "or"),
        ("NewstallyReplicasMissing", "for: 15m", "for: 5m"),
    ],
)
def test_a_rule_that_is_wrong_is_noticed(
    alert: str, right: str, wrong: str, tmp_path: Path
) -> None:
    """The cases do not hold for a copy that is broken in this way."""
    (severity,) = [severity for name, severity in CASES if name == alert]
    text = only(alert, severity)
    assert right in text
    case = CASES[alert, severity]
    found = holds(
        tmp_path,
        text.replace(right, wrong),
        situation(alert, case.fires, case.minutes, 1),
        *(situation(alert, series, case.minutes, 0) for series in case.quiet),
    )
    assert found is not None


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_its_entry_is_in_the_runbook(rule: dict[str, object]) -> None:
    """By the name of the alert, under its severity."""
    annotations, labels = rule["annotations"], rule["labels"]
    assert isinstance(annotations, dict)
    assert isinstance(labels, dict)
    assert annotations["runbook"] == f"docs/runbook.md#{str(rule['alert']).lower()}"
    assert f"\n### {rule['alert']}\n" in RUNBOOK
    assert len(annotations["summary"]) <= 90
    assert labels["severity"] in ("page", "ticket")


def test_the_runbook_has_no_other_entries() -> None:
    """Those of alerts that are gone."""
    entries = re.findall(r"^### (Newstally\w+)$", RUNBOOK, re.MULTILINE)
    assert entries == list(dict.fromkeys(alert for alert, _ in PAIRS))


def test_they_look_at_what_is_exposed() -> None:
    """Every metric and label that an expression names is in docs/metrics.md."""
    known = {
        series: metric.labels or frozenset()
        for page in documented().values()
        for metric in page.values()
        for series in metric.series
    }
    for rule in rules():
        named = metrics_of(rule["expr"])
        assert named
        for series, labels in named.items():
            assert series in known, (rule["alert"], series)
            assert labels <= known[series], (rule["alert"], series, labels)
        grouped = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", rule["expr"]))))
        assert grouped - {"namespace"} <= set().union(*(known[each] for each in named))
