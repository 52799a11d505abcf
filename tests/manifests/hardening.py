"""Pods: what they may do, what they may use, and how long they have."""

from collections.abc import Iterator

from manifests.objects import Manifests, Object, Pod
from manifests.quantities import canonical, parse
from manifests.settings import settings_of
from manifests.wiring import SERVICES, probes
from newstally_dashboard.settings import DashboardSettings
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.settings import GatewaySettings
from newstally_persister.settings import PersisterSettings
from newstally_runtime.admin import LOOP_STALL_SECONDS
from newstally_runtime.service import CLOSE_SECONDS
from newstally_runtime.settings import ProcessSettings

USER = 10001
"""The images' user."""
ENDING_SECONDS = 1.0
"""What a process may take to notice a signal, and to be gone after its last deadline."""
LOG_BYTES = 50 * 2**20
"""What the node keeps of a container's log: five files of 10 MiB, unless it is told otherwise."""
OWN_BYTES = 256 * 2**20
"""What a gateway takes besides the articles under way."""

REPLICA_BYTES = 256 * 2**20
"""What an extractor takes besides the article that it reads."""
REPLICA_BYTES_PER_BYTE = 4_000
"""What it takes for each byte of that, with spaCy's own path (measured: 2,900)."""


def check_security(manifests: Manifests) -> Iterator[str]:
    """Every pod fits Pod Security "restricted", and has a read-only root file system besides."""
    for namespace in manifests.kind("Namespace"):
        labels = namespace["metadata"]["labels"]
        if labels.get("pod-security.kubernetes.io/enforce") != "restricted":
            yield "the namespace does not enforce Pod Security restricted"
    for pod in manifests.pods():
        outer = pod.spec.get("securityContext", {})
        demands = {
            "runs as root": outer.get("runAsNonRoot") is True,
            "runs as another user than the image's": outer.get("runAsUser") == USER,
            "has no seccomp profile": outer.get("seccompProfile") == {"type": "RuntimeDefault"},
            "gets a token": pod.spec.get("automountServiceAccountToken")
            is _asks_the_api(manifests, pod),
            "gets variables of Services": pod.spec.get("enableServiceLinks") is False,
            "uses the host": not {"hostNetwork", "hostPID", "hostIPC"} & pod.spec.keys(),
            "mounts the host": not any("hostPath" in v for v in pod.spec.get("volumes", ())),
        }
        yield from (f"{pod.name} {wrong}" for wrong, right in demands.items() if not right)
    for pod, container in manifests.containers():
        inner = container.get("securityContext", {})
        demands = {
            "may gain privileges": inner.get("allowPrivilegeEscalation") is False,
            "has capabilities": inner.get("capabilities") == {"drop": ["ALL"]},
            "can write to its root": inner.get("readOnlyRootFilesystem") is True,
        }
        yield from (f"{pod.name} {wrong}" for wrong, right in demands.items() if not right)


def check_rights(manifests: Manifests) -> Iterator[str]:
    """Whoever may ask the API may do so about objects that are named, and change none."""
    for role in manifests.kind("Role"):
        for rule in role["rules"]:
            if not rule.get("resourceNames"):
                yield f"{role['metadata']['name']} may use any of {rule['resources']}"
            allowed = {"get", "create"} if rule["resources"] == ["pods/exec"] else {"get"}
            if not set(rule["verbs"]) <= allowed:
                yield f"{role['metadata']['name']} may {rule['verbs']} {rule['resources']}"
    for kind in ("ClusterRole", "ClusterRoleBinding"):
        yield from (f"{kind} {each['metadata']['name']}" for each in manifests.kind(kind))


def check_messages(manifests: Manifests) -> Iterator[str]:
    """`kubectl describe` shows why a container ended: its last log lines."""
    for pod, container in manifests.containers():
        if container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
            yield f"{pod.name} does not say why it ended"


def check_resources(manifests: Manifests) -> Iterator[str]:
    """CPU, memory and scratch space are requested and limited, the requests within the limits."""
    for pod, container in manifests.containers():
        for resource in ("cpu", "memory", "ephemeral-storage"):
            try:
                requested = parse(container["resources"]["requests"][resource])
                limit = parse(container["resources"]["limits"][resource])
            except (KeyError, ValueError) as error:
                yield f"{pod.name}: {resource}: {error}"
                continue
            if not 0 < requested <= limit:
                yield f"{pod.name} requests more {resource} than its limit"


def check_scratch(manifests: Manifests) -> Iterator[str]:
    """A pod that fills its scratch volumes and its log is not evicted for that."""
    for pod in manifests.pods():
        used = float(LOG_BYTES)
        for volume in _scratch(pod):
            size = volume["emptyDir"].get("sizeLimit")
            if size is None:
                yield f"{pod.name} may fill the node through {volume['name']}"
            used += parse(size or 0)
        if used > _limit(pod, "ephemeral-storage"):
            yield f"{pod.name} may write more than its limit of ephemeral storage"


def check_quantities(manifests: Manifests) -> Iterator[str]:
    """Quantities are written as the API server returns them, so that a diff shows none."""
    for pod in manifests.pods():
        found = [
            *(
                quantity
                for container in pod.containers
                for kind in ("requests", "limits")
                for quantity in container["resources"][kind].values()
            ),
            *(v["emptyDir"].get("sizeLimit", "0") for v in _scratch(pod)),
            *(
                claim["spec"]["resources"]["requests"]["storage"]
                for claim in pod.workload["spec"].get("volumeClaimTemplates", ())
            ),
        ]
        for quantity in found:
            if quantity != canonical(quantity):
                yield f"{pod.name}: {quantity!r} becomes {canonical(quantity)!r}"


def check_capacity(manifests: Manifests) -> Iterator[str]:
    """What a service is told to use fits into what its pod gets."""
    gateway = manifests.pod("gateway")
    settings = settings_of(GatewaySettings, manifests.environment(gateway))
    if settings.memory_bytes + OWN_BYTES > _limit(gateway, "memory"):
        yield "the gateway's articles do not fit into its memory limit"
    extractor = manifests.pod("extractor")
    reading = settings_of(ExtractorSettings, manifests.environment(extractor))
    if reading.max_content_bytes != settings.max_content_bytes:
        yield "gateway and extractors do not agree on the longest article"
    needed = REPLICA_BYTES + REPLICA_BYTES_PER_BYTE * reading.max_content_bytes
    if needed > _limit(extractor, "memory"):
        yield "the longest article does not fit into an extractor's memory limit"
    if _limit(extractor, "cpu") != 1:
        yield "an extractor is not one core"
    persister = manifests.pod("persister")
    kept = settings_of(PersisterSettings, manifests.environment(persister))
    (claim,) = persister.workload["spec"]["volumeClaimTemplates"]
    if claim["spec"]["accessModes"] != ["ReadWriteOncePod"]:
        yield "a second pod could mount the persister's disk"
    if kept.journal_max_bytes > parse(claim["spec"]["resources"]["requests"]["storage"]) / 2:
        yield "the journal can fill more than half of its disk"
    mounts = {m["name"]: m["mountPath"] for m in persister.container["volumeMounts"]}
    if not kept.data_dir.is_relative_to(mounts[claim["metadata"]["name"]]):
        yield "the journal is not on the persister's disk"
    if persister.spec["securityContext"].get("fsGroup") != USER:
        yield "the persister cannot write to its disk"


def check_times(manifests: Manifests) -> Iterator[str]:
    """A pod is not killed while it drains, nor while it starts, nor for less than a hang."""
    kinds: dict[str, type[ProcessSettings]] = {
        "gateway": GatewaySettings,
        "extractor": ExtractorSettings,
        "persister": PersisterSettings,
    }
    if any(pod.name == "dashboard" for pod in manifests.pods()):
        kinds["dashboard"] = DashboardSettings
    for name, kind in kinds.items():
        pod = manifests.pod(name)
        drain = settings_of(kind, manifests.environment(pod)).drain
        pause = pod.container.get("lifecycle", {}).get("preStop", {}).get("sleep", {})
        needed = pause.get("seconds", 0) + drain + CLOSE_SECONDS + ENDING_SECONDS
        if pod.spec["terminationGracePeriodSeconds"] < needed:
            yield f"{name} is killed while it drains ({needed} s)"
        if _patience(pod, "startupProbe") < START_SECONDS:
            yield f"{name} is killed while it starts"
        if _patience(pod, "livenessProbe") < 2 * LOOP_STALL_SECONDS:
            yield f"{name} is killed for a short hang"
    extractor = manifests.pod("extractor")
    hard_limit = settings_of(ExtractorSettings, manifests.environment(extractor)).hard_limit
    if _patience(extractor, "livenessProbe") <= hard_limit:
        yield "a hanging extractor is killed before it can say where it hangs"


START_SECONDS = 60.0
"""What any service may take to start on a busy node."""


def check_probes(manifests: Manifests) -> Iterator[str]:
    """Start and life ask /healthz, readiness asks /readyz, all on the admin port."""
    for pod in manifests.pods():
        if pod.service not in SERVICES:
            continue
        found = probes(pod)
        paths = {
            "startupProbe": "/healthz",
            "readinessProbe": "/readyz",
            "livenessProbe": "/healthz",
        }
        for name, path in paths.items():
            if name not in found:
                yield f"{pod.name} has no {name}"
            elif found[name]["httpGet"] != {"path": path, "port": "admin"}:
                yield f"{pod.name}'s {name} does not ask {path} on the admin port"


def _asks_the_api(manifests: Manifests, pod: Pod) -> bool:
    """Return whether a role is bound to the pod's account."""
    account = {"kind": "ServiceAccount", "name": pod.spec.get("serviceAccountName")}
    return any(
        account.items() <= subject.items()
        for binding in manifests.kind("RoleBinding")
        for subject in binding["subjects"]
    )


def _scratch(pod: Pod) -> list[Object]:
    return [volume for volume in pod.spec.get("volumes", ()) if "emptyDir" in volume]


def _limit(pod: Pod, resource: str) -> float:
    return parse(pod.container["resources"]["limits"][resource])


def _patience(pod: Pod, probe: str) -> float:
    """Return for how many seconds the probe may fail."""
    each = pod.container[probe]
    return float(each["periodSeconds"] * each["failureThreshold"])
