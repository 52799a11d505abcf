"""What the network policies let through, worked out as the Kubernetes API defines it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from manifests.objects import Labels, Manifests, Object
from manifests.settings import settings_of
from newstally_gateway.replicas.targets import parse_targets
from newstally_gateway.settings import GatewaySettings

NAMESPACE = "newstally"
CLIENT: Labels = {"newstally-client": "true"}
READER: Labels = {"newstally-reader": "true"}


@dataclass(frozen=True)
class Peer:
    """One end of a connection: a pod, or (without labels) an address."""

    name: str
    labels: Mapping[str, str] | None = None
    namespace: str = NAMESPACE
    address: str = ""


@dataclass(frozen=True, order=True)
class Flow:
    """A connection that can be made."""

    source: str
    target: str
    port: int
    protocol: str = "TCP"


OUTSIDE = (
    Peer("another namespace's client", CLIENT, "default"),
    Peer("a client elsewhere", CLIENT, "their-namespace"),
    Peer("a stranger elsewhere", {"app": "stranger"}, "their-namespace"),
    Peer("a reader", READER, "their-namespace"),
    Peer("Prometheus", {"app": "prometheus"}, "monitoring"),
    Peer("a collector", {"app": "collector"}, "observability"),
    Peer("kube-system", {"k8s-app": "kube-dns"}, "kube-system"),
    Peer("node-local names", address="169.254.20.10"),
    Peer("metadata server", address="169.254.169.254"),
    Peer("GKE metadata server", address="169.254.169.252"),
    Peer("Google", address="199.36.153.8"),
    Peer("Google, IPv6", address="2600:2d00:2:2000::8"),
    Peer("another machine", address="10.1.2.3"),
    Peer("another network", address="192.168.1.1"),
    Peer("a private IPv6 address", address="fd00::1"),
)
PROTOCOLS = ("TCP", "UDP")
API_PORTS = (443, 6443)
ADMIN_PORTS = (9101, 9102, 9103)
COLLECTOR_PORT = 4317
GRPC_PORTS = (50051, 50052, 50053, 50443, 50062, 50063)
PORTS = (22, 53, 80, 443, 988, 6443, 8080, COLLECTOR_PORT, *GRPC_PORTS, *ADMIN_PORTS)


def check_flows(manifests: Manifests) -> Iterator[str]:
    """Exactly the design's flows are possible: those that the Services imply, names, and Google."""
    possible, wanted = flows(manifests), expected(manifests)
    yield from (f"{flow} is possible" for flow in sorted(possible - wanted))
    yield from (f"{flow} is not possible" for flow in sorted(wanted - possible))


def expected(manifests: Manifests) -> set[Flow]:
    """Compute the flows from the Services and the services' configuration."""
    gateway, persister = manifests.pod("gateway"), manifests.pod("persister")
    settings = settings_of(GatewaySettings, manifests.environment(gateway))
    clients = {
        "client",
        *(pod.name for pod in manifests.pods() if CLIENT.items() <= pod.labels.items()),
    }
    calls = [(client, "gateway") for client in clients]
    for text in (settings.extractors, settings.persister):
        (target,) = parse_targets(text)
        calls.append(("gateway", target.host))
    emulator = manifests.environment(persister).get("FIRESTORE_EMULATOR_HOST")
    if emulator is not None:
        calls.append(("persister", emulator.partition(":")[0]))
    found = set()
    for source, name in calls:
        service = manifests.get("Service", name)["spec"]
        (pod,) = manifests.selected(service["selector"])
        found |= {Flow(source, pod.name, pod.port(p["targetPort"])) for p in service["ports"]}
    for source in {*clients, "gateway", "persister"}:
        for server in ("kube-system", "node-local names", "metadata server"):
            found |= {Flow(source, server, 53, protocol) for protocol in PROTOCOLS}
    return (
        found
        | _of_examples(manifests)
        | {
            Flow("persister", "Google", 443),
            Flow("persister", "Google, IPv6", 443),
            Flow("persister", "metadata server", 80),
            Flow("persister", "GKE metadata server", 988),
        }
    )


def _of_examples(manifests: Manifests) -> set[Flow]:
    """Compute the flows of policies that only some have."""
    gateway = manifests.pod("gateway")
    found = set()
    names = {policy["metadata"]["name"] for policy in manifests.kind("NetworkPolicy")}
    if "dashboard" in names:
        found.add(Flow("a reader", "dashboard", manifests.pod("dashboard").port("http")))
    if "clients-elsewhere" in names:
        for name in ("grpc", "grpc-tls"):
            found.add(Flow("a client elsewhere", "gateway", gateway.port(name)))
    if "backup" in names:
        # The API server is somewhere; whoever of ours listens there lets nobody in.
        found |= {
            Flow(name, peer.name, port)
            for name in ("backup", "restore")
            for peer in OUTSIDE
            for port in API_PORTS
        }
    if "prometheus" in names:
        scraped = [manifests.pod(name) for name in ("gateway", "extractor", "persister")]
        found |= {Flow("Prometheus", pod.name, port) for pod in scraped for port in ADMIN_PORTS}
    if "traces" in names:
        for source in ("gateway", "extractor", "persister"):
            found.add(Flow(source, "a collector", COLLECTOR_PORT))
        for server in ("kube-system", "node-local names", "metadata server"):
            found |= {Flow("extractor", server, 53, protocol) for protocol in PROTOCOLS}
    return found


def flows(manifests: Manifests) -> set[Flow]:
    """Return every connection that some pair of peers can make, one of them a pod of ours."""
    inside = [Peer(pod.name, pod.labels) for pod in manifests.pods()]
    inside += [Peer("client", CLIENT), Peer("stranger", {"app": "stranger"})]
    everyone = [*inside, *OUTSIDE]
    policies = manifests.kind("NetworkPolicy")
    leaving = {peer.name: _rules(policies, peer, "Egress") for peer in everyone}
    entering = {peer.name: _rules(policies, peer, "Ingress") for peer in everyone}
    return {
        Flow(source.name, target.name, port, protocol)
        for source in everyone
        for target in everyone
        if source != target and (source in inside or target in inside)
        for port in PORTS
        for protocol in PROTOCOLS
        if _lets(leaving[source.name], "to", target, port, protocol)
        if _lets(entering[target.name], "from", source, port, protocol)
    }


def _rules(policies: list[Object], peer: Peer, direction: str) -> list[Object] | None:
    """Return what is allowed in this direction; None where no policy selects the peer."""
    chosen = [
        policy["spec"]
        for policy in policies
        if peer.labels is not None
        and policy["metadata"]["namespace"] == peer.namespace
        and selects(policy["spec"]["podSelector"], peer.labels)
        and direction in policy["spec"]["policyTypes"]
    ]
    rules = [rule for policy in chosen for rule in policy.get(direction.lower(), ())]
    return rules if chosen else None


def _lets(rules: list[Object] | None, side: str, peer: Peer, port: int, protocol: str) -> bool:
    return rules is None or any(_matches(rule, side, peer, port, protocol) for rule in rules)


def _matches(rule: Object, side: str, peer: Peer, port: int, protocol: str) -> bool:
    on_port = "ports" not in rule or any(
        each.get("protocol", "TCP") == protocol and each.get("port", port) == port
        for each in rule["ports"]
    )
    return on_port and (side not in rule or any(_is_peer(each, peer) for each in rule[side]))


def _is_peer(description: Object, peer: Peer) -> bool:
    if "ipBlock" in description:
        block = description["ipBlock"]
        return (
            peer.labels is None
            and _inside(peer.address, block["cidr"])
            and not any(_inside(peer.address, each) for each in block.get("except", ()))
        )
    if peer.labels is None:
        return False
    namespaces = description.get("namespaceSelector")
    in_namespace = (
        peer.namespace == NAMESPACE
        if namespaces is None
        else selects(namespaces, {"kubernetes.io/metadata.name": peer.namespace})
    )
    return in_namespace and selects(description.get("podSelector", {}), peer.labels)


def selects(selector: Object, labels: Labels) -> bool:
    """Whether a label selector fits."""
    assert not selector.keys() - {"matchLabels", "matchExpressions"}
    wanted: Labels = selector.get("matchLabels", {})
    expressions: list[Object] = selector.get("matchExpressions", [])
    assert all(each["operator"] == "In" for each in expressions), "only In is understood here"
    return wanted.items() <= labels.items() and all(
        labels.get(each["key"]) in each["values"] for each in expressions
    )


def _inside(address: str, cidr: str) -> bool:
    network = ip_network(cidr)
    return ip_address(address).version == network.version and ip_address(address) in network
