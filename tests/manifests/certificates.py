"""Secrets in the manifests: that nothing waits for them, and that services find what is in them."""

from collections.abc import Iterator
from pathlib import Path

from manifests.objects import Manifests, Object, Pod
from manifests.settings import KINDS, settings_of
from newstally_gateway.replicas.targets import parse_targets
from newstally_gateway.settings import GatewaySettings
from newstally_runtime.settings import ServiceSettings

FILES = {
    "gateway-keys": {"keys.json"},
    "dashboard-key": {"key", "ca.crt"},
    # As cert-manager writes them.
    "gateway-tls": {"tls.crt", "tls.key", "ca.crt"},
    **dict.fromkeys(  # noqa: RUF024 - nobody changes them
        ("gateway-mtls", "extractor-mtls", "persister-mtls"), {"tls.crt", "tls.key", "ca.crt"}
    ),
}
"""What is in each Secret."""


def check_certificates(manifests: Manifests) -> Iterator[str]:
    """Secrets may be missing; each file that is named is in one; gateways call ports with TLS."""
    for pod in manifests.pods():
        for volume in pod.spec.get("volumes", ()):
            if "secret" in volume and volume["secret"].get("optional") is not True:
                yield f"{pod.name} would wait for the Secret {volume['secret']['secretName']}"
        kind = KINDS.get(pod.service)
        if kind is not None:
            settings = settings_of(kind, manifests.environment(pod))
            yield from _files(pod, settings)
    gateway = settings_of(GatewaySettings, manifests.environment(manifests.pod("gateway")))
    for name, text in (("extractor", gateway.extractors), ("persister", gateway.persister)):
        ports: list[Object] = manifests.get("Service", name)["spec"]["ports"]
        (target,) = parse_targets(text)
        called = [port["targetPort"] for port in ports if port["port"] == target.port]
        if called != ["grpc" if gateway.mtls is None else "grpc-tls"]:
            yield f"the gateway calls {text}, which does not speak as it does"


def _files(pod: Pod, settings: ServiceSettings) -> Iterator[str]:
    named = [settings.mtls_cert, settings.mtls_key, settings.mtls_ca]
    if isinstance(settings, GatewaySettings):
        named += [settings.tls_cert, settings.tls_key, settings.keys]
    secrets = {
        volume["name"]: volume["secret"]["secretName"]
        for volume in pod.spec.get("volumes", ())
        if "secret" in volume
    }
    mounts: dict[Path, Object] = {
        Path(mount["mountPath"]): mount for mount in pod.container.get("volumeMounts", ())
    }
    for path in filter(None, named):
        mount = mounts.get(path.parent)
        secret = secrets.get(mount["name"]) if mount is not None else None
        if path.name not in FILES.get(secret or "", ()):
            yield f"{pod.name} does not find {path}"
        elif mount is not None and mount.get("readOnly") is not True:
            yield f"{pod.name} may write to {path.parent}"
