"""Which processes are run, and with which flags. Pure, but for looking what is installed."""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from newstally.errors import InputError

HOST = "127.0.0.1"
DRAIN_SECONDS = 8.0
"""The services' own default."""
KINDS = ("persister", "extractor", "gateway")
DASHBOARD = "dashboard"
"""The kind that is run only where it is asked for."""
AUTO = "auto"
"""As many extractors as this machine has work for."""
MOST_EXTRACTORS = 256


@dataclass(frozen=True, slots=True)
class ServiceSpec:
    """One process to run."""

    name: str
    """Unique, for people: "gateway", "extractor-2"."""
    kind: str
    """Of which service: one of `KINDS`, or `DASHBOARD`."""
    command: tuple[str, ...]
    """What to run, without ports: those are added."""
    port: int = 0
    """The gRPC port it shall listen on; 0: any, and the same again after a restart."""
    drain_seconds: float = DRAIN_SECONDS
    """How long it takes to stop at most; some seconds later it is killed."""

    def argv(self, port: int, admin_port: int, flags: Sequence[str] = ()) -> list[str]:
        """Return the whole command line."""
        return [*self.command, "--port", str(port), "--admin-port", str(admin_port), *flags]


@dataclass(frozen=True, slots=True)
class Plan:
    """The trio, and what shows it."""

    persister: ServiceSpec
    extractors: tuple[ServiceSpec, ...]
    gateway: ServiceSpec
    """Started after the others, with their addresses."""
    dashboard: ServiceSpec | None = None
    """Started last, with the gateway's address."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be set on `newstally up`."""

    extractors: int = 1
    data: Path = Path("newstally-data")
    port: int = 50051
    flags: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """More flags per kind of service."""
    dashboard_port: int | None = None
    """None: no dashboard."""


def extractor_count(text: str, cores: int) -> int:
    """Return how many extractors `--extractors` asks for, given the cores there are to use.

    `auto` leaves one core to the gateway, the persister and whoever uploads. Raises InputError.
    """
    if text == AUTO:
        return min(max(cores - 1, 1), MOST_EXTRACTORS)
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_EXTRACTORS:
        return int(text)
    raise InputError(f"--extractors {text}: write {AUTO}, or a number from 1 to {MOST_EXTRACTORS}")


def usable_cores() -> int:
    """Return how many cores this process may run on, which can be fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def python_module(name: str) -> tuple[str, ...]:
    """Return the command that runs an installed module.

    -P: without it Python files of the working directory would be run in place of the libraries.
    """
    return (sys.executable, "-P", "-m", name)


def check_installed(kinds: Sequence[str] = KINDS) -> None:
    """Raise InputError if a service is not installed."""
    for kind in kinds:
        if importlib.util.find_spec(f"newstally_{kind}") is None:
            raise InputError(
                f"the {kind} is not installed in {sys.prefix}; from a checkout of Newstally: `pip"
                " install -c constraints.txt ./protos ./runtime ./models ./gateway ./extractor"
                " ./persister ./client ./dashboard`"
            )


def make_plan(options: Options) -> Plan:
    """Return what to run. Raises InputError if a service is not installed."""
    dashboard_port = options.dashboard_port
    check_installed(KINDS if dashboard_port is None else (*KINDS, DASHBOARD))

    def spec(kind: str, name: str, *flags: str, port: int = 0) -> ServiceSpec:
        common = ("--host", HOST, "--admin-host", HOST, "--log-format", "json")
        command = (*python_module(f"newstally_{kind}"), *common, *flags)
        more = options.flags.get(kind, ())
        return ServiceSpec(name, kind, (*command, *more), port, _drain_seconds(more))

    numbers = range(1, options.extractors + 1)
    return Plan(
        persister=spec("persister", "persister", "--data-dir", str(options.data)),
        extractors=tuple(spec("extractor", f"extractor-{number}") for number in numbers),
        gateway=spec("gateway", "gateway", port=options.port),
        dashboard=None
        if dashboard_port is None
        else spec(DASHBOARD, DASHBOARD, port=dashboard_port),
    )


def _drain_seconds(flags: Sequence[str]) -> float:
    """Return what the service will be told, or its default; it checks the value itself."""
    for flag in reversed(flags):
        name, _, value = flag.partition("=")
        if name == "--drain":
            with contextlib.suppress(ValueError):
                return float(value)
    return DRAIN_SECONDS
