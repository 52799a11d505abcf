"""Copies of the manifests that an operator would suffer from."""

from manifests.breaks.base import Breaks, data
from manifests.hardening import check_messages, check_rights
from manifests.network import check_flows
from manifests.objects import EXAMPLES, Manifests, Object, load
from manifests.ownership import check_claims, check_labels, check_own_settings, check_owner
from manifests.rollouts import check_priority, check_rollouts
from manifests.wiring import check_references, check_spread

LABEL = "app.kubernetes.io/"


def _claim(manifests: Manifests) -> Object:
    (claim,) = manifests.get("StatefulSet", "persister")["spec"]["volumeClaimTemplates"]
    assert isinstance(claim, dict)
    return claim


def _rolling(manifests: Manifests, name: str) -> Object:
    found = manifests.get("Deployment", name)["spec"]["strategy"]["rollingUpdate"]
    assert isinstance(found, dict)
    return found


def _rule(manifests: Manifests, number: int) -> Object:
    manifests.objects.extend(load(EXAMPLES / "sqlite-backup.yaml").objects)
    found = manifests.get("Role", "backup")["rules"][number]
    assert isinstance(found, dict)
    return found


BREAKS: Breaks = {
    "settings that the next apply takes back": (
        check_own_settings,
        lambda m: m.pod("persister").container["envFrom"].pop(),
    ),
    "settings without which no pod starts": (
        check_own_settings,
        lambda m: m.pod("persister").container["envFrom"][1]["configMapRef"].pop("optional"),
    ),
    "settings that ours override": (
        check_own_settings,
        lambda m: m.pod("gateway").container["envFrom"].reverse(),
    ),
    "variables that nobody can override": (
        check_own_settings,
        lambda m: m.pod("gateway").container.update(env=[{"name": "A", "value": "b"}]),
    ),
    "an operator's object of ours": (
        check_owner,
        lambda m: m.get("ConfigMap", "gateway")["metadata"].update(name="gateway-local"),
    ),
    "an object of no version": (
        check_labels,
        lambda m: m.get("Service", "gateway")["metadata"]["labels"].pop(f"{LABEL}version"),
    ),
    "pods of another version": (
        check_labels,
        lambda m: m.get("Deployment", "gateway")["spec"]["template"]["metadata"]["labels"].update(
            {f"{LABEL}version": "0.1.0"}
        ),
    ),
    "an object of no component": (
        check_labels,
        lambda m: m.get("PriorityClass", "newstally-persister")["metadata"]["labels"].pop(
            f"{LABEL}component"
        ),
    ),
    "a claim whose labels cannot be changed": (
        check_claims,
        lambda m: _claim(m)["metadata"]["labels"].update({f"{LABEL}version": "0.3.0"}),
    ),
    "a claim that the API would fill in": (check_claims, lambda m: _claim(m).pop("kind")),
    "a claim with a status": (
        check_claims,
        lambda m: _claim(m).update(status={"phase": "Pending"}),
    ),
    "a claim without a mode": (check_claims, lambda m: _claim(m)["spec"].pop("volumeMode")),
    "an end without a reason": (
        check_messages,
        lambda m: m.pod("gateway").container.pop("terminationMessagePolicy"),
    ),
    "a rollout that waits for the extractor that has no core": (
        check_rollouts,
        lambda m: _rolling(m, "extractor").update(maxUnavailable=1),
    ),
    "a rollout of gateways that waits for room": (
        check_rollouts,
        lambda m: _rolling(m, "gateway").update(maxUnavailable=0),
    ),
    "a rollout without a gateway": (
        check_rollouts,
        lambda m: _rolling(m, "gateway").update(maxUnavailable="100%"),
    ),
    "a drain that waits for the extractor that has no core": (
        check_rollouts,
        lambda m: m.get("PodDisruptionBudget", "extractor")["spec"].update(maxUnavailable="25%"),
    ),
    "a persister that waits for extractors to leave": (
        check_priority,
        lambda m: m.pod("persister").spec.pop("priorityClassName"),
    ),
    "everybody as important as the persister": (
        check_priority,
        lambda m: m.kind("PriorityClass")[0].update(globalDefault=True),
    ),
    "a priority that is not there": (
        check_references,
        lambda m: m.objects.remove(m.kind("PriorityClass")[0]),
    ),
    "spread among the pods that leave": (
        check_spread,
        lambda m: m.pod("extractor").spec["topologySpreadConstraints"][0].pop("matchLabelKeys"),
    ),
    "a backup that may run commands in every pod": (
        check_rights,
        lambda m: _rule(m, 1).pop("resourceNames"),
    ),
    "a backup that may delete the persister": (
        check_rights,
        lambda m: _rule(m, 0).update(verbs=["get", "delete"]),
    ),
    "clients elsewhere in the entry of our own": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "gateway")["spec"]["ingress"][0]["from"][0].update(
            namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "their-namespace"}}
        ),
    ),
    "a sink that its emulator's policy is not for": (
        check_flows,
        lambda m: data(m, "persister").update(FIRESTORE_EMULATOR_HOST="extractor:50052"),
    ),
}
