"""The compose file against the programs, the images and the manifests."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from machine.capacity import check_capacity
from manifests.hardening import ENDING_SECONDS
from manifests.naming import IMAGES, version
from manifests.objects import REPOSITORY, image_name
from manifests.quantities import parse
from manifests.settings import KINDS, settings_of
from newstally.certificates.folder import AUTHORITIES, CERTIFICATE, DOOR, KEY
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.replicas.targets import parse_targets
from newstally_gateway.settings import GatewaySettings
from newstally_persister.settings import PersisterSettings
from newstally_runtime.service import CLOSE_SECONDS
from pydantic import ValidationError

FILE = REPOSITORY / "deploy" / "compose.yaml"
SECURE = FILE.with_name("compose.secure.yaml")
"""What is added for keys, TLS and mTLS."""
PORTS = {"gateway": 50051, "extractor": 50052, "persister": 50053}
"""Where the images listen (Dockerfiles)."""
KEYS = {
    *("image", "environment", "volumes", "networks", "ports", "profiles", "scale", "restart"),
    *("mem_limit", "cpus", "read_only", "tmpfs", "cap_drop", "security_opt", "logging"),
    "stop_grace_period",
}
"""Of a service; another one is mistyped, or is to be looked at here."""

CERTIFICATE_FILES = (CERTIFICATE, KEY, AUTHORITIES)

Service = dict[str, Any]


def problems(path: Path = FILE) -> Iterator[str]:
    """Give what would not work, or would let somebody in."""
    described = yaml.safe_load(path.read_text())
    services: dict[str, Service] = described["services"]
    # Who wants to look, runs the dashboard beside it.
    if services.keys() != IMAGES.keys() - {"dashboard"}:
        yield f"there are {sorted(services)}"
        return
    if unknown := described.keys() - {"name", "services", "networks", "volumes", "x-service"}:
        yield f"unknown: {unknown}"
    wrong = []
    for name, service in services.items():
        found = [*_alone(name, service), *_settings(name, service), *_sources(service, described)]
        wrong += [f"{name}: {each}" for each in found]
    yield from wrong
    if not wrong:
        yield from _together(services)
        yield from _reach(services)


def missing(path: Path) -> Iterator[str]:
    """Give what the settings of a file like SECURE name and no mount of it brings."""
    made = {
        *(f"./certificates/{name}/{file}" for name in (*PORTS, DOOR) for file in CERTIFICATE_FILES),
        *("./keys/keys.json", "./keys/local.key"),
    }
    for name, service in yaml.safe_load(path.read_text())["services"].items():
        found = set()
        for volume in service["volumes"]:
            source, place, *mode = volume.split(":")
            if mode != ["ro"]:
                yield f"{name} may write to {place}"
            found |= {
                place + each.removeprefix(source)
                for each in made
                if f"{each}/".startswith(f"{source}/")
            }
        named = set(service["environment"].values())
        yield from (f"{name} does not find {each}" for each in named - found)


def _alone(name: str, service: Service) -> Iterator[str]:
    if unknown := service.keys() - KEYS:
        yield f"unknown: {unknown}"
    if image_name(service) != IMAGES[name] or not service["image"].endswith(f":{version()}"):
        yield f"{service['image']}: another image, or another version (`make image-names`)"
    demands = {
        "can write to its root": service.get("read_only") is True,
        "has capabilities": service.get("cap_drop") == ["ALL"],
        "may gain privileges": service.get("security_opt") == ["no-new-privileges:true"],
        "may take all memory": "mem_limit" in service,
        "is not started again": service.get("restart") in {"unless-stopped", "no"},
    }
    yield from (wrong for wrong, right in demands.items() if not right)


def _settings(name: str, service: Service) -> Iterator[str]:
    kind = KINDS.get(IMAGES[name])
    if kind is None:
        return
    prefix = kind.model_config.get("env_prefix", "")
    known = {f"{prefix}{each}".upper() for each in kind.model_fields}
    yield from (f"nothing reads {each}" for each in service["environment"].keys() - known)
    try:
        settings = settings_of(kind, service["environment"])
    except ValidationError as error:
        yield str(error)
        return
    grace = float(service["stop_grace_period"].removesuffix("s"))
    if grace < settings.drain + CLOSE_SECONDS + ENDING_SECONDS:
        yield "is killed while it drains"


def _sources(service: Service, described: dict[str, Any]) -> Iterator[str]:
    if unknown := set(service["networks"]) - described["networks"].keys():
        yield f"no network {unknown}"
    for volume in service.get("volumes", ()):
        source = volume.partition(":")[0]
        if source not in described["volumes"] and not (FILE.parent / source).exists():
            yield f"there is no {source}"


def _together(services: dict[str, Service]) -> Iterator[str]:
    taking = settings_of(GatewaySettings, services["gateway"]["environment"])
    reading = settings_of(ExtractorSettings, services["extractor"]["environment"])
    keeping = settings_of(PersisterSettings, services["persister"]["environment"])
    for name, text in (("extractor", taking.extractors), ("persister", taking.persister)):
        (target,) = parse_targets(text)
        if (target.host, target.port) != (name, PORTS[name]):
            yield f"the gateway does not find the {name}"
    if not taking.extractors.startswith("dns:///"):
        yield "the gateway finds one extractor only"
    memory = {name: parse(each["mem_limit"].upper() + "i") for name, each in services.items()}
    yield from check_capacity(taking, memory["gateway"], reading, memory["extractor"])
    mounted = Path(services["persister"]["volumes"][0].partition(":")[2])
    if {keeping.data_dir.parent, (keeping.sqlite_path or Path()).parent} != {mounted}:
        yield "the persister's data are not on its volume"


def _reach(services: dict[str, Service]) -> Iterator[str]:
    """Who reaches whom: this machine and the client the gateway, it the others."""
    port = PORTS["gateway"]
    if services["gateway"]["ports"] != [f"127.0.0.1:{port}:{port}"]:
        yield "strangers reach the gateway, or this machine does not"
    if any("ports" in services[name] for name in ("extractor", "persister")):
        yield "what is inside is reached from outside"
    networks = {name: set(each["networks"]) for name, each in services.items()}
    inside = {"inside"}
    if networks != {
        "gateway": {"inside", "clients"},
        "extractor": inside,
        "persister": inside,
        "client": {"clients"},
    }:
        yield "somebody is in another network"
    if services["client"]["environment"] != {"NEWSTALLY_TARGET": f"gateway:{port}"}:
        yield "the client does not find the gateway"
