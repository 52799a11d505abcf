"""What survives an apply, and what it changes: whose objects are whose, labels, claims."""

from collections.abc import Iterator

from manifests.naming import version
from manifests.objects import Manifests, Object
from manifests.wiring import SERVICES

PREFIX = "app.kubernetes.io/"
PARTS = {
    *("namespace", "gateway", "extractor", "persister"),
    *("client", "dashboard", "emulator", "backup", "metrics", "traces", "certificates", "door"),
}
"""Values of the label `component`."""


def check_own_settings(manifests: Manifests) -> Iterator[str]:
    """Each service reads our ConfigMap, then that of its certificates, then the operator's."""
    for pod in manifests.pods():
        if pod.service not in SERVICES:
            continue
        sources = [each.get("configMapRef") for each in pod.container.get("envFrom", ())]
        if sources != [
            {"name": pod.name},
            {"name": f"{pod.name}-secure", "optional": True},
            {"name": f"{pod.name}-local", "optional": True},
        ]:
            yield f"{pod.name} does not read what its operator sets after what we set"
        if pod.container.get("env"):
            yield f"{pod.name} has variables that its operator's ConfigMap cannot override"


def check_owner(manifests: Manifests) -> Iterator[str]:
    """No object is one that the operator makes."""
    for each in manifests.objects:
        if str(each["metadata"]["name"]).endswith(("-local", "-secure")):
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


def check_claims(manifests: Manifests) -> Iterator[str]:
    """A claim has what the API would fill in, so that nobody sees a change where there is none.

    Its labels are few: they cannot be changed, and a version would be.
    """
    for workload in manifests.kind("StatefulSet"):
        for claim in workload["spec"]["volumeClaimTemplates"]:
            name = f"claim {claim['metadata']['name']}"
            if (claim.get("apiVersion"), claim.get("kind")) != ("v1", "PersistentVolumeClaim"):
                yield f"{name} leaves out what it is"
            if claim["spec"].get("volumeMode") != "Filesystem":
                yield f"{name} leaves out its mode"
            if "status" in claim:
                yield f"{name} has what only the API writes"
            if f"{PREFIX}version" in claim["metadata"]["labels"]:
                yield f"{name} could not be upgraded"


def _labelled(manifests: Manifests) -> Iterator[tuple[Object, dict[str, str]]]:
    for each in manifests.objects:
        yield each, each["metadata"].get("labels", {})
    for pod in manifests.pods():
        yield pod.workload, dict(pod.labels)
