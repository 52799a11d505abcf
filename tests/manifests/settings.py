"""Variables and flags in the manifests against what the programs know."""

import os
from collections.abc import Iterator, Mapping
from typing import TypeVar
from unittest.mock import patch

import click
import typer
from manifests.objects import Manifests, Pod
from newstally.cli import app
from newstally_dashboard.settings import DashboardSettings
from newstally_extractor.__main__ import THREAD_VARIABLES
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.replicas.targets import parse_targets
from newstally_gateway.settings import GatewaySettings
from newstally_persister.settings import PersisterSettings
from newstally_protos.tracing.opening import ENDPOINT
from newstally_runtime.settings import ProcessSettings, ServiceSettings
from pydantic import ValidationError

KINDS: Mapping[str, type[ServiceSettings]] = {
    "newstally-gateway": GatewaySettings,
    "newstally-extractor": ExtractorSettings,
    "newstally-persister": PersisterSettings,
}
"""By image: what listens for gRPC."""
PROGRAMS: Mapping[str, type[ProcessSettings]] = {
    **KINDS,
    "newstally-dashboard": DashboardSettings,
}
OTHERS: Mapping[str, frozenset[str]] = {
    "newstally-gateway": frozenset({ENDPOINT}),
    "newstally-extractor": frozenset({ENDPOINT, *THREAD_VARIABLES}),
    # Read by Google's libraries.
    "newstally-persister": frozenset({ENDPOINT, "FIRESTORE_EMULATOR_HOST"}),
}
"""Variables that a service's libraries read."""

S = TypeVar("S", bound=ProcessSettings)


def settings_of(kind: type[S], environment: Mapping[str, str]) -> S:
    """Return the settings as the service reads them. Raises ValidationError."""
    with patch.dict(os.environ, environment, clear=True):
        return kind()


def check_variables(manifests: Manifests) -> Iterator[str]:
    """Every variable is one that the program knows, with a value that it takes."""
    for pod in manifests.pods():
        kind = PROGRAMS.get(pod.service)
        if kind is None:
            continue
        environment = manifests.environment(pod)
        prefix = kind.model_config.get("env_prefix", "")
        known = {f"{prefix}{name}".upper() for name in kind.model_fields}
        known |= OTHERS.get(pod.service, frozenset())
        yield from (f"{pod.name}: nothing reads {name}" for name in environment.keys() - known)
        # A setting without a default that is not set shows here as well.
        try:
            settings_of(kind, environment)
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                yield f"{pod.name}: {problem['loc']}: {problem['msg']}"


def check_flags(manifests: Manifests) -> Iterator[str]:
    """Every flag is one that the program knows."""
    for pod in manifests.pods():
        arguments = [str(each) for each in pod.container.get("args", ())]
        if pod.service in PROGRAMS and arguments:
            yield f"{pod.name}: settings belong into the ConfigMap, not into flags"
        if pod.service == "newstally" and (wrong := wrong_arguments(arguments)) is not None:
            yield f"{pod.name}: {wrong}"


def wrong_arguments(arguments: list[str]) -> str | None:
    """Return what the command line client would complain of; None if it takes them."""
    command = typer.main.get_command(app)
    try:
        with command.make_context("newstally", list(arguments)) as context:
            assert isinstance(command, click.Group | typer.core.TyperGroup)
            name, child, rest = command.resolve_command(context, arguments)
            assert child is not None
            child.make_context(name, rest, parent=context).close()
    except Exception as error:  # noqa: BLE001 - whatever the parser raises is the complaint
        return str(error) or repr(error)
    return None


def check_addresses(manifests: Manifests) -> Iterator[str]:
    """Services listen on every interface and on their pods' ports; gateways find the others."""
    for pod in manifests.pods():
        if pod.service == "newstally-dashboard":
            yield from _dashboard(manifests, pod)
        kind = KINDS.get(pod.service)
        if kind is None:
            continue
        settings = settings_of(kind, manifests.environment(pod))
        if "127.0.0.1" in {settings.host, settings.admin_host}:
            yield f"{pod.name} listens on its own loopback only"
        listening = {"admin": settings.admin_port}
        if settings.port_certificate is None:
            listening["grpc"] = settings.port
        else:
            listening["grpc-tls"] = settings.port
        if settings.plain_port is not None:
            listening["grpc"] = settings.plain_port
        for name, port in listening.items():
            if pod.port(name) != port:
                yield f"{pod.name} listens on {port}, its pod says {pod.port(name)}"
    yield from _targets(manifests, manifests.pod("gateway"))


def _dashboard(manifests: Manifests, pod: Pod) -> Iterator[str]:
    """It listens on its pod's ports, answers to its Service's name, and calls the gateway's."""
    settings = settings_of(DashboardSettings, manifests.environment(pod))
    if (pod.port("http"), pod.port("admin")) != (settings.port, settings.admin_port):
        yield f"{pod.name} does not listen where its pod says"
    if not {pod.name, f"{pod.name}.newstally.svc"} <= settings.allowed_names:
        yield f"{pod.name} does not answer to its Service's name"
    host, _, port = settings.gateway.partition(":")
    if int(port) not in {each["port"] for each in manifests.get("Service", host)["spec"]["ports"]}:
        yield f"{pod.name} calls {settings.gateway}, where nobody listens"


def _targets(manifests: Manifests, gateway: Pod) -> Iterator[str]:
    settings = settings_of(GatewaySettings, manifests.environment(gateway))
    for name, text in (("extractor", settings.extractors), ("persister", settings.persister)):
        (target,) = parse_targets(text)
        try:
            service = manifests.get("Service", target.host)["spec"]
        except KeyError:
            yield f"the gateway looks for Service {target.host}, which is not there"
            continue
        if manifests.selected(service["selector"]) != [manifests.pod(name)]:
            yield f"the gateway does not reach the {name}"
        if target.port not in {port["port"] for port in service["ports"]}:
            yield f"Service {target.host} has no port {target.port}"
        if target.is_name is not (service.get("clusterIP") == "None"):
            yield f"{target.host}: a headless Service is looked up, another one is called"
    if manifests.get("Service", "persister")["spec"].get("publishNotReadyAddresses") is not True:
        yield "a persister that is not ready cannot say why"
