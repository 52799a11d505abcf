"""The metrics as docs/metrics.md describes them, and as a process exposes them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families
from support.processes import REPOSITORY

PAGE = REPOSITORY / "docs" / "metrics.md"
SERVICES = ("gateway", "extractor", "persister")
PREFIX = "newstally_"
_ROW = re.compile(r"\| `(\w+)` \| (\w+) \| (.*?) ?\| (.*?) ?\| (.+) \|")


@dataclass(frozen=True, slots=True)
class Metric:
    """A row of the page, or a family of an exposition."""

    name: str
    type: str
    labels: frozenset[str] | None
    """None: an exposition without a sample of it does not say."""
    unit: str = ""
    meaning: str = ""

    @property
    def series(self) -> list[str]:
        """The names of its series."""
        if self.type == "histogram":
            return [f"{self.name}_{each}" for each in ("bucket", "sum", "count")]
        return [self.name]


def documented(text: str | None = None) -> dict[str, dict[str, Metric]]:
    """Return the page's metrics by service and name; those of all services are in each."""
    sections = re.split(r"^## (.*)$", text or PAGE.read_text(), flags=re.MULTILINE)[1:]
    found: dict[str, dict[str, Metric]] = {each: {} for each in SERVICES}
    for heading, section in zip(sections[::2], sections[1::2], strict=True):
        rows = [line for line in section.splitlines() if line.startswith("|")][2:]
        for row in rows:
            match = _ROW.fullmatch(row)
            assert match is not None, row
            name, kind, labels, unit, meaning = match.groups()
            metric = Metric(name, kind, frozenset(re.findall(r"\w+", labels)), unit, meaning)
            for service in SERVICES if heading == "Every service" else (heading.lower(),):
                assert name not in found[service], f"{name} stands there twice"
                found[service][name] = metric
    return found


def exposed(text: str) -> dict[str, Metric]:
    """Return what an exposition has of ours."""
    found = {}
    for family in text_string_to_metric_families(text):
        if not family.name.startswith(PREFIX):
            continue
        name, kind = family.name, family.type
        if kind == "counter":
            name += "_total"
        elif name.endswith("_info"):
            kind = "info"
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        known = frozenset(labels) if family.samples else None
        found[name] = Metric(name, kind, known, meaning=family.documentation)
    return found


def differences(page: Mapping[str, Metric], process: Mapping[str, Metric]) -> list[str]:
    """Return what is not as it is described."""
    wrong = [f"{name} is not exposed" for name in page.keys() - process.keys()]
    wrong += [f"{name} is not documented" for name in process.keys() - page.keys()]
    for name in page.keys() & process.keys():
        told, real = page[name], process[name]
        if told.type != real.type:
            wrong.append(f"{name} is a {real.type}, not a {told.type}")
        if real.labels is not None and real.labels != told.labels:
            wrong.append(f"{name} has the labels {sorted(real.labels)}")
    return sorted(wrong)
