"""What schemas miss. Each check is also shown a broken copy, of which it has to complain."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from manifests.hardening import (
    check_capacity,
    check_probes,
    check_quantities,
    check_resources,
    check_scratch,
    check_security,
    check_times,
)
from manifests.naming import check_images
from manifests.network import check_flows
from manifests.objects import EXAMPLES, FOLDER, Manifests, files, load
from manifests.settings import check_addresses, check_flags, check_variables
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

Check = Callable[[Manifests], Iterator[str]]
Break = Callable[[Manifests], object]

CHECKS: tuple[Check, ...] = (
    check_addresses,
    check_budgets,
    check_capacity,
    check_flags,
    check_flows,
    check_images,
    check_names_are_unique,
    check_namespaces,
    check_ports,
    check_probes,
    check_references,
    check_quantities,
    check_resources,
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


def test_kubectl_reads_every_file() -> None:
    """Nothing in k8s/ is passed over, and there is no kustomization that would make it fail."""
    assert {path for path in FOLDER.iterdir() if path.is_file()} == set(files())
    assert not list(FOLDER.rglob("kustomization.y*ml"))
    assert files()[0].name.startswith("00-")


def _data(manifests: Manifests, name: str) -> dict[str, str]:
    data: dict[str, str] = manifests.get("ConfigMap", name)["data"]
    return data


BREAKS: dict[str, tuple[Check, Break]] = {
    "the namespace comes later": (
        check_namespaces,
        lambda m: m.objects.append(m.objects.pop(0)),
    ),
    "an object in another namespace": (
        check_namespaces,
        lambda m: m.get("Service", "gateway")["metadata"].update(namespace="default"),
    ),
    "two objects of one name": (
        check_names_are_unique,
        lambda m: m.get("Service", "persister-pods")["metadata"].update(name="persister"),
    ),
    "a pod without its selector's label": (
        check_selectors,
        lambda m: m.get("Deployment", "gateway")["spec"]["template"]["metadata"].update(
            labels={"app.kubernetes.io/name": "gateways"}
        ),
    ),
    "a Service that selects nothing": (
        check_selectors,
        lambda m: m.get("Service", "persister")["spec"]["selector"].update(x="y"),
    ),
    "a Service that selects everything": (
        check_selectors,
        lambda m: m.get("Service", "persister")["spec"]["selector"].pop("app.kubernetes.io/name"),
    ),
    "a budget for nobody": (
        check_selectors,
        lambda m: m.get("PodDisruptionBudget", "gateway")["spec"].update(
            selector={"matchLabels": {"app": "gateway"}}
        ),
    ),
    "spread among others": (
        check_spread,
        lambda m: (
            m.pod("gateway")
            .spec["topologySpreadConstraints"][0]
            .update(labelSelector={"matchLabels": {"app.kubernetes.io/part-of": "newstally"}})
        ),
    ),
    "a target port that no container has": (
        check_ports,
        lambda m: m.get("Service", "gateway")["spec"]["ports"][0].update(targetPort="http"),
    ),
    "a probe's port that no container has": (
        check_ports,
        lambda m: m.pod("gateway").container["livenessProbe"]["httpGet"].update(port="health"),
    ),
    "a headless Service on another port": (
        check_ports,
        lambda m: m.get("Service", "extractor")["spec"]["ports"][0].update(port=80),
    ),
    "an account that is not there": (
        check_references,
        lambda m: m.pod("persister").spec.update(serviceAccountName="default-persister"),
    ),
    "configuration that is not there": (
        check_references,
        lambda m: m.get("ConfigMap", "extractor")["metadata"].update(name="extractors"),
    ),
    "a volume that is not there": (
        check_references,
        lambda m: m.pod("persister").spec.pop("volumes"),
    ),
    "a governing Service that is not there": (
        check_references,
        lambda m: m.get("StatefulSet", "persister")["spec"].update(serviceName="journal"),
    ),
    "an autoscaler for nobody": (
        check_references,
        lambda m: m.get("HorizontalPodAutoscaler", "extractor")["spec"]["scaleTargetRef"].update(
            name="extractors"
        ),
    ),
    "limits the wrong way round": (
        check_scaling,
        lambda m: m.get("HorizontalPodAutoscaler", "extractor")["spec"].update(maxReplicas=1),
    ),
    "the autoscaler's number set as well": (
        check_scaling,
        lambda m: m.get("Deployment", "extractor")["spec"].update(replicas=3),
    ),
    "two persisters": (
        check_scaling,
        lambda m: m.get("StatefulSet", "persister")["spec"].update(replicas=2),
    ),
    "a persister that waits for a pod that cannot come": (
        check_scaling,
        lambda m: m.get("StatefulSet", "persister")["spec"].pop("podManagementPolicy"),
    ),
    "a node that cannot be drained": (
        check_budgets,
        lambda m: m.get("PodDisruptionBudget", "persister")["spec"].update(maxUnavailable=0),
    ),
    "a scratch volume that holds its node": (
        check_budgets,
        lambda m: m.pod("persister").workload["spec"]["template"]["metadata"].pop("annotations"),
    ),
    "no budget": (
        check_budgets,
        lambda m: m.objects.remove(m.get("PodDisruptionBudget", "gateway")),
    ),
    "root": (
        check_security,
        lambda m: m.pod("gateway").spec["securityContext"].update(runAsNonRoot=False),
    ),
    "a capability": (
        check_security,
        lambda m: (
            m.pod("gateway")
            .container["securityContext"]
            .update(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]})
        ),
    ),
    "a writable root": (
        check_security,
        lambda m: m.pod("extractor").container["securityContext"].pop("readOnlyRootFilesystem"),
    ),
    "variables of Services": (
        check_security,
        lambda m: m.pod("gateway").spec.pop("enableServiceLinks"),
    ),
    "a lax namespace": (
        check_security,
        lambda m: m.objects[0]["metadata"]["labels"].pop("pod-security.kubernetes.io/enforce"),
    ),
    "more requested than allowed": (
        check_resources,
        lambda m: m.pod("gateway").container["resources"]["requests"].update(memory="2Gi"),
    ),
    "no limit": (
        check_resources,
        lambda m: m.pod("gateway").container["resources"]["limits"].pop("memory"),
    ),
    "no limit on scratch space": (
        check_resources,
        lambda m: m.pod("gateway").container["resources"]["limits"].pop("ephemeral-storage"),
    ),
    "a scratch volume without an end": (
        check_scratch,
        lambda m: m.pod("persister").spec["volumes"][0].update(emptyDir={}),
    ),
    "evicted for its scratch volume": (
        check_scratch,
        lambda m: (
            m.pod("persister").container["resources"]["limits"].update({"ephemeral-storage": "1Gi"})
        ),
    ),
    "a quantity that comes back otherwise": (
        check_quantities,
        lambda m: m.pod("gateway").container["resources"]["limits"].update(memory="1024Mi"),
    ),
    "a number where the API writes text": (
        check_quantities,
        lambda m: m.pod("extractor").container["resources"]["limits"].update(cpu="1000m"),
    ),
    "articles that do not fit": (
        check_capacity,
        lambda m: _data(m, "gateway").update(NEWSTALLY_GATEWAY_MEMORY_BYTES="1073741824"),
    ),
    "an article that does not fit": (
        check_capacity,
        lambda m: [
            _data(m, "gateway").update(NEWSTALLY_GATEWAY_MAX_CONTENT_BYTES="1000000"),
            _data(m, "extractor").update(NEWSTALLY_EXTRACTOR_MAX_CONTENT_BYTES="1000000"),
        ],
    ),
    "two longest articles": (
        check_capacity,
        lambda m: _data(m, "gateway").pop("NEWSTALLY_GATEWAY_MAX_CONTENT_BYTES"),
    ),
    "a journal beside the disk": (
        check_capacity,
        lambda m: _data(m, "persister").update(NEWSTALLY_PERSISTER_DATA_DIR="/tmp/journal"),
    ),
    "a disk that is too small": (
        check_capacity,
        lambda m: m.get("StatefulSet", "persister")["spec"]["volumeClaimTemplates"][0]["spec"][
            "resources"
        ]["requests"].update(storage="4Gi"),
    ),
    "a disk for many": (
        check_capacity,
        lambda m: m.get("StatefulSet", "persister")["spec"]["volumeClaimTemplates"][0][
            "spec"
        ].update(accessModes=["ReadWriteMany"]),
    ),
    "killed while draining": (
        check_times,
        lambda m: m.pod("gateway").spec.update(terminationGracePeriodSeconds=15),
    ),
    "killed before a process that hangs says where": (
        check_times,
        lambda m: m.pod("gateway").spec.update(terminationGracePeriodSeconds=25),
    ),
    "killed while a longer drain is set": (
        check_times,
        lambda m: _data(m, "persister").update(NEWSTALLY_PERSISTER_DRAIN="120"),
    ),
    "killed while starting": (
        check_times,
        lambda m: m.pod("extractor").container["startupProbe"].update(failureThreshold=3),
    ),
    "killed before the hard limit": (
        check_times,
        lambda m: m.pod("extractor").container["livenessProbe"].update(failureThreshold=3),
    ),
    "life that asks for readiness": (
        check_probes,
        lambda m: m.pod("gateway").container["livenessProbe"]["httpGet"].update(path="/readyz"),
    ),
    "no startup probe": (
        check_probes,
        lambda m: m.pod("persister").container.pop("startupProbe"),
    ),
    "a variable that nothing reads": (
        check_variables,
        lambda m: _data(m, "gateway").update(NEWSTALLY_GATEWAY_EXTRACTOR="extractor:50052"),
    ),
    "a variable that another service reads": (
        check_variables,
        lambda m: _data(m, "extractor").update(NEWSTALLY_GATEWAY_PORT="50051"),
    ),
    "a value that is not taken": (
        check_variables,
        lambda m: _data(m, "persister").update(NEWSTALLY_PERSISTER_SINK="postgres"),
    ),
    "a setting without default that is not set": (
        check_variables,
        lambda m: _data(m, "persister").pop("NEWSTALLY_PERSISTER_DATA_DIR"),
    ),
    "a flag that nobody knows": (
        check_flags,
        lambda m: m.objects.extend(_job("upload", "/a.jsonl", "--id", "x").objects),
    ),
    "a command that nobody knows": (
        check_flags,
        lambda m: m.objects.extend(_job("send", "/a.jsonl").objects),
    ),
    "loopback only": (
        check_addresses,
        lambda m: _data(m, "gateway").pop("NEWSTALLY_GATEWAY_HOST"),
    ),
    "another port than the pod's": (
        check_addresses,
        lambda m: _data(m, "extractor").update(NEWSTALLY_EXTRACTOR_ADMIN_PORT="9100"),
    ),
    "extractors behind a virtual address": (
        check_addresses,
        lambda m: m.get("Service", "extractor")["spec"].pop("clusterIP"),
    ),
    "a persister by a wrong name": (
        check_addresses,
        lambda m: _data(m, "gateway").update(NEWSTALLY_GATEWAY_PERSISTER="journal:50053"),
    ),
    "a persister that hides": (
        check_addresses,
        lambda m: m.get("Service", "persister")["spec"].pop("publishNotReadyAddresses"),
    ),
    "no default deny": (
        check_flows,
        lambda m: m.objects.remove(m.get("NetworkPolicy", "default-deny")),
    ),
    "everybody may call the gateway": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "gateway")["spec"]["ingress"][0].pop("from"),
    ),
    "clients may reach the admin port": (
        check_flows,
        lambda m: (
            m.get("NetworkPolicy", "gateway")["spec"]["ingress"][0].pop("ports"),
            m.get("NetworkPolicy", "client")["spec"]["egress"][0].pop("ports"),
        ),
    ),
    "a gateway that cannot reach the persister": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "gateway")["spec"]["egress"].pop(1),
    ),
    "an extractor that reaches the internet": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "extractor")["spec"].update(egress=[{}]),
    ),
    "a persister that reaches the machines": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "persister")["spec"]["egress"][1]["to"][0]["ipBlock"].pop(
            "except"
        ),
    ),
    "a persister without the metadata server": (
        check_flows,
        lambda m: m.get("NetworkPolicy", "persister")["spec"]["egress"].pop(2),
    ),
    "an emulator that nobody may reach": (
        check_flows,
        lambda m: _data(m, "persister").update(FIRESTORE_EMULATOR_HOST="gateway:50051"),
    ),
    "a Service that calls another port": (
        check_flows,
        lambda m: m.get("Service", "persister")["spec"]["ports"][0].update(targetPort="admin"),
    ),
    "another version": (
        check_images,
        lambda m: m.pod("gateway").container.update(image="newstally-gateway:latest"),
    ),
    "another registry": (
        check_images,
        lambda m: m.pod("gateway").container.update(
            image=f"example.com/{m.pod('gateway').container['image']}"
        ),
    ),
}


def _job(*arguments: str) -> Manifests:
    job = load(EXAMPLES / "upload-job.yaml")
    job.pods()[0].container["args"] = list(arguments)
    return job


@pytest.mark.parametrize("name", BREAKS)
def test_a_broken_copy_is_noticed(name: str) -> None:
    """The check that passes on the manifests complains of a copy that is broken in this way."""
    check, damage = BREAKS[name]
    broken = load().copy()
    damage(broken)
    assert list(check(broken)) != []


def test_every_check_is_shown_a_broken_copy() -> None:
    """No check could pass because it looks at nothing."""
    assert {check for check, _ in BREAKS.values()} == set(CHECKS)
