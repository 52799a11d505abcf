"""What schemas miss. Each check is also shown a broken copy, of which it has to complain."""

from pathlib import Path

import pytest
from manifests.breaks import certificates, operating, pods, settings, wiring
from manifests.breaks.base import Breaks, Check
from manifests.certificates import check_certificates
from manifests.hardening import (
    check_capacity,
    check_messages,
    check_probes,
    check_quantities,
    check_resources,
    check_rights,
    check_scratch,
    check_security,
    check_times,
)
from manifests.naming import check_images
from manifests.network import check_flows
from manifests.objects import EXAMPLES, FOLDER, files, load
from manifests.ownership import check_claims, check_labels, check_own_settings, check_owner
from manifests.rollouts import check_priority, check_rollouts
from manifests.settings import (
    KINDS,
    check_addresses,
    check_flags,
    check_variables,
    settings_of,
)
from manifests.wiring import (
    check_budgets,
    check_names_are_unique,
    check_namespaces,
    check_ports,
    check_references,
    check_scaling,
    check_selectors,
    check_spread,
)
from newstally_gateway.settings import GatewaySettings

CHECKS: tuple[Check, ...] = (
    check_addresses,
    check_budgets,
    check_capacity,
    check_certificates,
    check_claims,
    check_flags,
    check_flows,
    check_images,
    check_labels,
    check_messages,
    check_names_are_unique,
    check_namespaces,
    check_own_settings,
    check_ports,
    check_priority,
    check_probes,
    check_references,
    check_quantities,
    check_resources,
    check_rights,
    check_rollouts,
    check_scaling,
    check_scratch,
    check_security,
    check_selectors,
    check_spread,
    check_times,
    check_variables,
)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_manifests_hold(check: Check) -> None:
    """What `kubectl apply -f k8s/` brings up passes every check."""
    assert list(check(load())) == []


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_hold_on_top(check: Check, example: Path) -> None:
    """So does the system with an example applied over it."""
    assert list(check(load().replaced_by(load(example)))) == []


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_another_apply_takes_nothing_back(example: Path) -> None:
    """What an example sets is the same after `kubectl apply -f k8s/`, for no object is in both."""
    chosen = load().replaced_by(load(example))
    again = chosen.replaced_by(load())
    assert again.objects == chosen.objects
    for pod in again.pods():
        assert again.environment(pod) == chosen.environment(pod)


def test_what_is_set_wins() -> None:
    """The operator's ConfigMap overrides ours, setting by setting."""
    sqlite = load().replaced_by(load(EXAMPLES / "sqlite-sink.yaml"))
    environment = sqlite.environment(sqlite.pod("persister"))
    assert environment["NEWSTALLY_PERSISTER_SINK"] == "sqlite"
    assert environment["NEWSTALLY_PERSISTER_PORT"] == "50053"


@pytest.mark.parametrize(("example", "plain"), [("secure.yaml", True), ("closed.yaml", False)])
def test_certificates_come_first_and_then_the_open_ports_go(example: str, plain: bool) -> None:
    """All speak TLS after either; with the first one whoever has not changed over goes on."""
    before, after = load(), load().replaced_by(load(EXAMPLES / example))
    for name in ("gateway", "extractor", "persister"):
        old, new = (
            settings_of(KINDS[f"newstally-{name}"], each.environment(each.pod(name)))
            for each in (before, after)
        )
        assert old.port_certificate is None
        assert new.port_certificate is not None
        assert new.mtls is not None
        assert new.plain_port == (old.port if plain else None)
    gateway = settings_of(GatewaySettings, after.environment(after.pod("gateway")))
    assert (gateway.keys is None) is plain


def test_no_file_of_ours_owns_what_is_the_operators() -> None:
    """Neither the ConfigMaps that an example makes are in k8s/, nor any object of that kind."""
    assert list(check_owner(load())) == []


def test_kubectl_reads_every_file() -> None:
    """Nothing in k8s/ is passed over but the kustomization, which would make it fail."""
    passed_over = {path for path in FOLDER.iterdir() if path.is_file()} - set(files())
    assert passed_over == {FOLDER / "Kustomization"}
    assert not list(FOLDER.rglob("kustomization.y*ml"))
    assert files()[0].name.startswith("00-")


BREAKS: Breaks = {
    **wiring.BREAKS,
    **pods.BREAKS,
    **settings.BREAKS,
    **operating.BREAKS,
    **certificates.BREAKS,
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_copy_is_noticed(name: str) -> None:
    """The check that passes on the manifests complains of a copy that is broken in this way."""
    check, damage = BREAKS[name]
    broken = load().copy()
    damage(broken)
    assert list(check(broken)) != []


def test_every_check_is_shown_a_broken_copy() -> None:
    """No check could pass because it looks at nothing."""
    assert {check for check, _ in BREAKS.values()} == {*CHECKS, check_owner}
