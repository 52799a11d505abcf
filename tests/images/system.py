"""The manifests' system as containers on a private network."""

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from images.docker import LABEL, Container, docker
from manifests.objects import EXAMPLES, Manifests, Pod, load
from manifests.quantities import parse
from manifests.settings import settings_of
from newstally_gateway.settings import GatewaySettings
from support.processes import eventually

START_SECONDS = 90.0


@dataclass
class System:
    """Two gateways would be one more port to publish: one of them is enough here."""

    network: str
    persister: Container
    extractors: list[Container]
    gateway: Container

    @property
    def containers(self) -> list[Container]:
        """All of them, in the order in which they are stopped."""
        return [self.gateway, *self.extractors, self.persister]

    def wait_ready(self, manifests: Manifests) -> None:
        """Return when every readiness probe would succeed and all links are up."""
        for container in self.containers:
            port = manifests.pod(container.alias).port("admin")
            what = f"{container.name} ready"
            eventually(partial(container.is_ready, port), START_SECONDS, what)
        links = f'"links_up": {len(self.extractors)}'
        eventually(lambda: links in self.gateway.get("/readyz", 9101)[1], START_SECONDS, links)


def sqlite_manifests() -> Manifests:
    """Return k8s/ with the example of the SQLite sink applied."""
    return load().replaced_by(load(EXAMPLES / "sqlite-sink.yaml"))


@contextmanager
def running(
    manifests: Manifests,
    extractors: int = 2,
    engine: str | None = None,
    tests: Path | None = None,
    marks: Path | None = None,
    secret: Mapping[str, Path] | None = None,
) -> Iterator[System]:
    """Run the system; `engine` comes from the folder `tests`, which may write to `marks`.

    `secret` are folders by the names of Secrets; those that are not there are not mounted.
    """
    suffix = secrets.token_hex(4)
    network, volume = f"newstally-{suffix}", f"newstally-data-{suffix}"

    def container(
        name: str, number: int = 0, mounted: Sequence[str] = (), **more: object
    ) -> Container:
        pod = manifests.pod(name)
        return Container(
            name=f"newstally-{name}-{number}-{suffix}",
            image=pod.container["image"],
            network=network,
            alias=name,
            memory_bytes=int(limit(pod, "memory")),
            cpus=min(2.0, limit(pod, "cpu")),
            scratch=any(each["mountPath"] == "/tmp" for each in mounts(pod)),
            mounts=[*mounted, *certificates(pod, secret or {})],
            **{"environment": manifests.environment(pod), **more},  # type: ignore[arg-type]
        )

    def extractor(number: int) -> Container:
        environment = dict(manifests.environment(manifests.pod("extractor")))
        binds = []
        if engine is not None:
            environment |= {"NEWSTALLY_EXTRACTOR_ENGINE": engine, "PYTHONPATH": "/tests"}
            binds = [f"type=bind,source={tests},target=/tests,readonly"]
            binds += [f"type=bind,source={marks},target=/marks"] if marks else []
        return container("extractor", number, environment=environment, mounted=binds)

    door = settings_of(GatewaySettings, manifests.environment(manifests.pod("gateway"))).port
    data = [f"type=volume,source={volume},target=/data"]
    system = System(
        network,
        container("persister", mounted=data),
        [extractor(number) for number in range(extractors)],
        container("gateway", publish=door),
    )
    try:
        docker("network", "create", "--label", LABEL, network)
        docker("volume", "create", "--label", LABEL, volume)
        for each in system.containers:
            each.start()
        system.wait_ready(manifests)
        yield system
    finally:
        for each in system.containers:
            each.remove()
        docker("volume", "rm", volume, check=False)
        docker("network", "rm", network, check=False)


def limit(pod: Pod, resource: str) -> float:
    """Return the container's limit."""
    return parse(pod.container["resources"]["limits"][resource])


def certificates(pod: Pod, secret: Mapping[str, Path]) -> list[str]:
    """Return the mounts of the Secrets that are there, as the kubelet makes them."""
    names = {
        volume["name"]: volume["secret"]["secretName"]
        for volume in pod.spec.get("volumes", ())
        if "secret" in volume
    }
    return [
        f"type=bind,source={secret[names[each['name']]]},target={each['mountPath']},readonly"
        for each in mounts(pod)
        if names.get(each["name"]) in secret
    ]


def mounts(pod: Pod) -> list[dict[str, str]]:
    """Return what is mounted into the container."""
    found: list[dict[str, str]] = pod.container.get("volumeMounts", [])
    return found
