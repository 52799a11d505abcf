"""The units for systemd as the tests see them: what each runs, and with which variables."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from machine.capacity import check_capacity
from manifests.hardening import ENDING_SECONDS
from manifests.objects import REPOSITORY
from manifests.quantities import parse
from manifests.settings import KINDS, settings_of
from newstally_extractor.settings import ExtractorSettings
from newstally_gateway.settings import GatewaySettings
from newstally_persister.settings import PersisterSettings
from newstally_runtime.service import CLOSE_SECONDS
from pydantic import ValidationError

FOLDER = REPOSITORY / "deploy" / "systemd"
SHARED = Path("newstally-.service.d", "hardening.conf")
PREFIX = "/opt/newstally/bin/"
STATE = "/var/lib"
WRONG_SETTINGS = "2"
"""The exit code that a restart does not mend."""

Section = dict[str, list[str]]


SECURE = FOLDER / "secure"
"""Drop-ins that give units certificates."""


@dataclass(frozen=True)
class Unit:
    """A service with what all of them share."""

    name: str
    service: Section
    install: Section

    @property
    def program(self) -> str:
        """The image's name of what is run: "newstally-gateway"."""
        (command,) = self.service["ExecStart"]
        return command.removeprefix(PREFIX)

    def environment(self, instance: str = "01") -> dict[str, str]:
        """Return the variables, with systemd's words filled in."""
        lines = [
            line.replace("%i", instance).replace("%S", STATE)
            for line in self.service["Environment"]
        ]
        return dict(line.split("=", 1) for line in lines)

    def last(self, setting: str) -> str:
        """Return a setting's value. Raises KeyError."""
        return self.service[setting][-1]


def read(folder: Path = FOLDER) -> dict[str, Unit]:
    """Return the services by what they run."""
    shared = sections((folder / SHARED).read_text())
    found = {}
    for path in sorted(folder.glob("*.service")):
        own = sections(path.read_text())
        service = {**own.get("Service", {})}
        for key, values in shared["Service"].items():
            service[key] = [*service.get(key, []), *values]
        unit = Unit(path.name, service, own.get("Install", {}))
        found[unit.program] = unit
    return found


def sections(text: str) -> dict[str, Section]:
    """Return a unit file's settings; each may be there several times."""
    found: dict[str, Section] = {}
    section: Section = {}
    for line in text.splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return found


def problems(folder: Path = FOLDER) -> Iterator[str]:
    """Give what would not work: settings, ports, times, memory, restarts."""
    units = read(folder)
    if units.keys() != KINDS.keys():
        yield f"there are units for {sorted(units)}"
        return
    wrong = [f"{name}: {each}" for name, unit in units.items() for each in _alone(unit)]
    yield from wrong
    if not wrong:
        yield from _together(units)


def _alone(unit: Unit) -> Iterator[str]:
    kind = KINDS[unit.program]
    prefix = kind.model_config.get("env_prefix", "")
    known = {f"{prefix}{name}".upper() for name in kind.model_fields}
    yield from (f"nothing reads {name}" for name in unit.environment().keys() - known)
    try:
        every = [settings_of(kind, unit.environment(instance)) for instance in ("01", "99")]
    except ValidationError as error:
        yield str(error)
        return
    needed = every[0].drain + CLOSE_SECONDS + ENDING_SECONDS
    if float(unit.last("TimeoutStopSec")) < needed:
        yield "is killed while it drains"
    short = unit.program.removeprefix("newstally-")
    demands = {
        "is not started again": unit.service["Restart"] == ["always"],
        "is started again with wrong settings": unit.service["RestartPreventExitStatus"]
        == [WRONG_SETTINGS],
        "does not read what its operator sets": unit.service["EnvironmentFile"]
        == [f"-/etc/newstally/{short}.env"],
        "does not start with the others": unit.install["WantedBy"] == ["newstally.target"],
    }
    yield from (wrong for wrong, right in demands.items() if not right)


def _together(units: dict[str, Unit]) -> Iterator[str]:
    gateway, extractor, persister = (
        units[f"newstally-{name}"] for name in ("gateway", "extractor", "persister")
    )
    taking = settings_of(GatewaySettings, gateway.environment())
    reading = settings_of(ExtractorSettings, extractor.environment())
    keeping = settings_of(PersisterSettings, persister.environment())
    if taking.extractors != f"127.0.0.1:{reading.port}":
        yield "the gateway does not find the first extractor"
    if taking.persister != f"127.0.0.1:{keeping.port}":
        yield "the gateway does not find the persister"
    others = [settings_of(ExtractorSettings, extractor.environment(each)) for each in ("02", "99")]
    listening = [taking, reading, keeping, *others]
    ports = [port for each in listening for port in (each.port, each.admin_port)]
    if len(set(ports)) != len(ports):
        yield f"two listen on the same port: {sorted(ports)}"
    yield from check_capacity(taking, _bytes(gateway), reading, _bytes(extractor))
    state = Path(STATE, persister.last("StateDirectory"))
    if {keeping.data_dir.parent, (keeping.sqlite_path or Path()).parent} != {state}:
        yield "the data are not where the persister may write"
    if "DynamicUser" in persister.service:
        yield "the persister's data change their owner"


def _bytes(unit: Unit) -> float:
    return parse(f"{unit.last('MemoryMax')}i")


def installed(folder: Path) -> Path:
    """Copy the units to a folder, running this interpreter's programs; return it."""
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    programs = f"{Path(sys.executable).parent}/"
    for path in folder.glob("*.service"):
        path.write_text(path.read_text().replace(PREFIX, programs))
    template = folder / "newstally-extractor@.service"
    (folder / "newstally-extractor@01.service").write_text(template.read_text())
    return folder


def analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on the units of a folder and on no others."""
    command = shutil.which("systemd-analyze")
    assert command is not None
    return subprocess.run(
        [command, *arguments],
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin", "LC_ALL": "C"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
