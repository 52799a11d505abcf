"""Copies of the manifests whose objects do not fit together."""

from manifests.breaks.base import Breaks
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

BREAKS: Breaks = {
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
}
