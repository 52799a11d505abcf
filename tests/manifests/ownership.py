"""What survives an apply: whose objects are whose, and what cannot be changed any more."""

from collections.abc import Iterator

from manifests.naming import version
from manifests.objects import Manifests, Object
from manifests.wiring import SERVICES

PREFIX = "app.kubernetes.io/"
PARTS = {
    *("namespace", "gateway", "extractor", "persister"),
    *("client", "emulator", "backup", "metrics"),
}
"""Values of the label `component`."""


def check_own_settings(manifests: Manifests) -> Iterator[str]:
    """Each service reads our ConfigMap and then, if there is one, the operator's."""
    for pod in manifests.pods():
        if pod.service not in SERVICES:
            continue
        sources = [each.get("configMapRef") for each in pod.container.get("envFrom", ())]
        if sources != [{"name": pod.name}, {"name": f"{pod.name}-local", "optional": True}]:
            yield f"{pod.name} does not read what its operator sets after what we set"
        if pod.container.get("env"):
            yield f"{pod.name} has variables that its operator's ConfigMap cannot override"


def check_owner(manifests: Manifests) -> Iterator[str]:
    """No object is one that the operator makes."""
    for each in manifests.objects:
        if str(each["metadata"]["name"]).endswith("-local"):
            yield f"{each['kind']} {each['metadata']['name']} is the operator's"


def check_labels(manifests: Manifests) -> Iterator[str]:
    """Everything says what it is a part of, which part, and of which version."""
    for each, labels in _labelled(manifests):
        name = f"{each['kind']} {each['metadata']['name']}"
        if labels.get(f"{PREFIX}part-of") != "newstally":
            yield f"{name} is no part of newstally"
        if labels.get(f"{PREFIX}component") not in PARTS:
            yield f"{name} is no known component"
        if labels.get(f"{PREFIX}version") != version():
            yield f"{name} is of no version, or of another (`make image-names`)"


def check_fixed(manifests: Manifests) -> Iterator[str]:
    """What the API lets nobody change is as it was in 0.2.0, or an upgrade would be refused."""
    for pod in manifests.pods():
        labels = {f"{PREFIX}name": pod.name, f"{PREFIX}part-of": "newstally"}
        selector = pod.workload["spec"].get("selector", {"matchLabels": labels})
        if selector != {"matchLabels": labels}:
            yield f"{pod.name} has another selector"
    persister = manifests.get("StatefulSet", "persister")["spec"]
    if (
        persister["podManagementPolicy"] != "Parallel"
        or persister["serviceName"] != "persister-pods"
    ):
        yield "the persister is managed otherwise"
    (claim,) = persister["volumeClaimTemplates"]
    labels = {f"{PREFIX}name": "persister", f"{PREFIX}part-of": "newstally"}
    if claim["metadata"] != {"name": "data", "labels": labels}:
        yield "the persister's claim has another name, or other labels"
    spec = {
        "accessModes": ["ReadWriteOncePod"],
        "volumeMode": "Filesystem",
        "resources": {"requests": {"storage": "10Gi"}},
    }
    if claim["spec"] != spec:
        yield "the persister's claim is another one"
    if {key: claim.get(key) for key in ("apiVersion", "kind", "status")} != {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "status": None,
    }:
        yield "the claim leaves out what the API fills in, or has what only the API writes"


def _labelled(manifests: Manifests) -> Iterator[tuple[Object, dict[str, str]]]:
    for each in manifests.objects:
        yield each, each["metadata"].get("labels", {})
    for pod in manifests.pods():
        yield pod.workload, dict(pod.labels)
