"""What schemas cannot see: whether names, labels and ports of different objects fit together."""

from collections.abc import Iterator

from manifests.objects import Manifests, Object, Pod


def check_namespaces(manifests: Manifests) -> Iterator[str]:
    """Everything is in the namespace that the first file makes."""
    names = [each["metadata"]["name"] for each in manifests.kind("Namespace")]
    if manifests.objects[0]["kind"] != "Namespace":
        yield "the namespace is not applied first"
    for each in manifests.objects:
        if each["kind"] not in CLUSTER_WIDE and each["metadata"].get("namespace") not in names:
            yield f"{_name(each)} is in no namespace that is made here"


def check_names_are_unique(manifests: Manifests) -> Iterator[str]:
    """No object overwrites another."""
    names = [_name(each) for each in manifests.objects]
    yield from (f"{name} is there twice" for name in sorted(set(names)) if names.count(name) > 1)


def check_selectors(manifests: Manifests) -> Iterator[str]:
    """A workload selects its own pods and no others; Services and budgets select something."""
    for pod in manifests.pods():
        if "selector" not in pod.workload["spec"]:
            continue  # a Job's is made by the server
        if manifests.selected(pod.workload["spec"]["selector"]["matchLabels"]) != [pod]:
            yield f"{_name(pod.workload)} does not select exactly its own pods"
    selectors = [(each, each["spec"]["selector"]) for each in manifests.kind("Service")]
    budgets = manifests.kind("PodDisruptionBudget")
    selectors += [(each, each["spec"]["selector"]["matchLabels"]) for each in budgets]
    for each, labels in selectors:
        if len(manifests.selected(labels)) != 1:
            yield f"{_name(each)} does not select one workload's pods"


def check_spread(manifests: Manifests) -> Iterator[str]:
    """A workload's pods are spread among themselves."""
    for pod in manifests.pods():
        for spread in pod.spec.get("topologySpreadConstraints", ()):
            if manifests.selected(spread["labelSelector"]["matchLabels"]) != [pod]:
                yield f"{_name(pod.workload)} is spread among pods that are not its own"
            if spread.get("matchLabelKeys") != ["pod-template-hash"]:
                yield f"{_name(pod.workload)} is spread among pods of another version"


def check_ports(manifests: Manifests) -> Iterator[str]:
    """A Service's target port and a probe's port are ports of the container."""
    for service in manifests.kind("Service"):
        for pod in manifests.selected(service["spec"]["selector"]):
            for port in service["spec"]["ports"]:
                yield from _unknown_port(pod, port["targetPort"], _name(service))
            if service["spec"].get("clusterIP") == "None":
                # Nothing translates: whoever looks up the name connects to this very port.
                wrong = [
                    p for p in service["spec"]["ports"] if pod.port(p["targetPort"]) != p["port"]
                ]
                yield from (f"{_name(service)}: nobody listens on {p['port']}" for p in wrong)
    for pod in manifests.pods():
        for name, probe in probes(pod).items():
            handler = probe.get("httpGet") or probe["tcpSocket"]
            yield from _unknown_port(pod, handler["port"], f"{pod.name}'s {name}")


def check_references(manifests: Manifests) -> Iterator[str]:
    """Accounts, configuration, volumes, governing Services and scaled workloads exist."""
    for pod in manifests.pods():
        wanted = [("ServiceAccount", pod.spec.get("serviceAccountName"))]
        wanted += [
            ("ConfigMap", source["configMapRef"]["name"])
            for source in pod.container.get("envFrom", ())
            if not source["configMapRef"].get("optional")
        ]
        wanted.append(("Service", pod.workload["spec"].get("serviceName")))
        wanted.append(("PriorityClass", pod.spec.get("priorityClassName")))
        yield from _missing(manifests, pod.name, wanted)
        mounted = {
            mount["name"]
            for container in pod.containers
            for mount in container.get("volumeMounts", ())
        }
        claims = pod.workload["spec"].get("volumeClaimTemplates", ())
        volumes = {each["name"] for each in pod.spec.get("volumes", ())}
        volumes |= {claim["metadata"]["name"] for claim in claims}
        if mounted != volumes:
            yield f"{pod.name} mounts {sorted(mounted)} and has {sorted(volumes)}"
        claimed = [each.get("persistentVolumeClaim") for each in pod.spec.get("volumes", ())]
        wanted = [("PersistentVolumeClaim", each["claimName"]) for each in claimed if each]
        yield from _missing(manifests, pod.name, wanted)
    for binding in manifests.kind("RoleBinding"):
        wanted = [(each["kind"], each["name"]) for each in binding["subjects"]]
        wanted.append((binding["roleRef"]["kind"], binding["roleRef"]["name"]))
        yield from _missing(manifests, _name(binding), wanted)
    for scaler in manifests.kind("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        yield from _missing(manifests, _name(scaler), [(target["kind"], target["name"])])


def check_scaling(manifests: Manifests) -> Iterator[str]:
    """Who scales is decided once; nobody scales the persister."""
    for scaler in manifests.kind("HorizontalPodAutoscaler"):
        spec = scaler["spec"]
        if spec["minReplicas"] > spec["maxReplicas"]:
            yield f"{_name(scaler)} has its limits the wrong way round"
        if "replicas" in manifests.pod(spec["scaleTargetRef"]["name"]).workload["spec"]:
            yield f"{_name(scaler)} and its workload both set the number of replicas"
    persister = manifests.get("StatefulSet", "persister")["spec"]
    if persister["replicas"] != 1:
        yield "there is more than one persister"
    if persister.get("podManagementPolicy") != "Parallel":
        yield "a persister that never became ready is not replaced by an apply that mends it"


def check_budgets(manifests: Manifests) -> Iterator[str]:
    """Every node can be drained."""
    for pod in manifests.pods():
        if pod.service not in SERVICES:
            continue
        budgets = [
            budget["spec"]
            for budget in manifests.kind("PodDisruptionBudget")
            if budget["spec"]["selector"]["matchLabels"].items() <= pod.labels.items()
        ]
        if len(budgets) != 1:
            yield f"{pod.name} has {len(budgets)} disruption budgets"
        for budget in budgets:
            if budget.get("maxUnavailable") in {None, 0, "0%"}:
                yield f"{pod.name}'s budget never lets a node be drained"
        annotations = pod.workload["spec"]["template"]["metadata"].get("annotations", {})
        given_up = set(annotations.get(GIVEN_UP, "").split(","))
        scratch = {v["name"] for v in pod.spec.get("volumes", ()) if "emptyDir" in v}
        if not scratch <= given_up:
            yield f"{pod.name}'s scratch volumes keep an autoscaler from removing its node"


CLUSTER_WIDE = ("Namespace", "PriorityClass")
"""Kinds whose objects are in no namespace."""
GIVEN_UP = "cluster-autoscaler.kubernetes.io/safe-to-evict-local-volumes"
"""Names the volumes that may be lost when a node is removed."""
SERVICES = (
    *("newstally-gateway", "newstally-extractor", "newstally-persister"),
    "newstally-dashboard",
)
"""The images of the services."""


def probes(pod: Pod) -> dict[str, Object]:
    """Return the container's probes by name."""
    names = ("startupProbe", "readinessProbe", "livenessProbe")
    return {name: pod.container[name] for name in names if name in pod.container}


def _unknown_port(pod: Pod, port: str | int, who: str) -> Iterator[str]:
    try:
        pod.port(port)
    except KeyError:
        yield f"{who} names port {port!r}, which {pod.name} does not have"


def _missing(manifests: Manifests, who: str, wanted: list[tuple[str, str | None]]) -> Iterator[str]:
    for kind, name in wanted:
        if name is None:
            continue
        try:
            manifests.get(kind, name)
        except KeyError:
            yield f"{who} refers to {kind} {name}, which is not there"


def _name(each: Object) -> str:
    return f"{each['kind']} {each['metadata']['name']}"
