"""Extractors that follow the queue: the autoscaler, and where its number comes from."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from manifests.objects import Object, load
from manifests.overlays import OVERLAYS, overlay
from manifests.settings import settings_of
from manifests.test_manifests import CHECKS
from manifests.test_schemas import newest_minors, validate
from newstally_gateway.core.clients.admission import charge_bytes
from newstally_gateway.settings import GatewaySettings
from support.metrics_page import documented

FOLDER = OVERLAYS / "queue"


def scaler() -> Object:
    return overlay("queue").get("HorizontalPodAutoscaler", "extractor")


def targets(spec: Any) -> Iterator[tuple[str, Any]]:
    """Yield what is followed."""
    for metric in spec["metrics"]:
        match metric:
            case {"type": "Resource", "resource": {"name": name, "target": target}}:
                yield name, target
            case {"type": "External", "external": {"metric": {"name": name}, "target": target}}:
                yield name, target
            case _:
                raise AssertionError(metric)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_it_holds(check: object) -> None:
    """It passes every check that the manifests pass."""
    assert callable(check)
    assert list(check(overlay("queue"))) == []


@pytest.mark.parametrize("version", newest_minors())
def test_the_api_knows_it(version: str, tmp_path: Path) -> None:
    """The autoscaler as it is applied passes the strict schemas, and one with a slip does not."""
    whole = tmp_path / "whole.yaml"
    text = yaml.safe_dump(scaler())
    whole.write_text(text)
    done = validate(version, whole)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "averageValue" in text
    whole.write_text(text.replace("averageValue", "averageValues"))
    assert validate(version, whole).returncode != 0


def test_only_what_is_followed_is_another() -> None:
    """CPU is still followed as before, and so is how fast replicas come and go."""
    before = load().get("HorizontalPodAutoscaler", "extractor")
    after = scaler()
    assert set(dict(targets(before["spec"]))) == {"cpu"}
    followed = dict(targets(after["spec"]))
    assert followed == {
        **dict(targets(before["spec"])),
        "newstally_queued_articles": followed["newstally_queued_articles"],
    }
    assert {**after["spec"], "metrics": 0} == {**before["spec"], "metrics": 0}
    assert len(overlay("queue").objects) == len(load().objects)


def test_the_adapter_answers_what_is_asked() -> None:
    """By the name that the autoscaler says, from a gauge that gateways expose."""
    (rule,) = yaml.safe_load((FOLDER / "adapter.yaml").read_text())["rules"]["external"]
    assert rule["name"]["as"] in dict(targets(scaler()["spec"]))
    (series,) = re.findall(r'__name__="(\w+)"', rule["seriesQuery"])
    assert documented()["gateway"][series].type == "gauge"


def test_a_full_gateway_asks_for_as_many_as_it_says() -> None:
    """The reasons for the target give the numbers that there are."""
    text = (FOLDER / "autoscaler.yaml").read_text().replace("\n    # ", " ")
    manifests = overlay("queue")
    settings = settings_of(GatewaySettings, manifests.environment(manifests.pod("gateway")))
    waiting = settings.memory_bytes // charge_bytes(3_000)
    (told,) = re.findall(r"room for some ([\d,]+) that wait", text)
    assert abs(waiting - int(told.replace(",", ""))) < 1_000
    target = dict(targets(scaler()["spec"]))["newstally_queued_articles"]
    assert f"asks for {round(waiting / int(target['averageValue']))} replicas" in text
    limits = manifests.pod("extractor").container["resources"]["limits"]
    assert limits["cpu"] == "1"
