"""How the code is cut: who may import whom, and how much stands side by side."""

import ast
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from support.processes import REPOSITORY

PACKAGES = {
    "protos": "newstally_protos",
    "runtime": "newstally_runtime",
    "gateway": "newstally_gateway",
    "extractor": "newstally_extractor",
    "persister": "newstally_persister",
    "client": "newstally",
    "dashboard": "newstally_dashboard",
}
BELOW = {
    "protos": set[str](),
    "runtime": {"protos"},
    "gateway": {"protos", "runtime"},
    "extractor": {"protos", "runtime"},
    "persister": {"protos", "runtime"},
    "client": {"protos"},
    # It is a client, with the admin port and the logs of a service.
    "dashboard": {"protos", "runtime", "client"},
}
"""What a distribution may import of the others. No service knows another one."""

ROOMS = {
    "protos": [
        "limits",
        "loopback",
        "days",
        "names",
        "spellings",
        "rising",
        "backoff",
        "keys",
        "tracing",
        "v1",
        "wire",
    ],
    "runtime": [
        "",
        "deadline",
        "httpd",
        "lifeline",
        "rare",
        "signals",
        "status",
        "admin",
        "observing",
        "tls",
        "peers",
        "settings",
        "peers/listening",
        "service",
    ],
    "gateway": [
        "metrics",
        "core/tasks",
        "core/validation",
        "core/outcomes",
        "core/diary",
        "core/keys",
        "core/clients",
        "core/replicas",
        "alarm",
        "calling",
        "persister",
        "replicas",
        "clients",
        "status",
        "settings",
        "app",
        "__main__",
    ],
    "extractor": [
        "counting",
        "pipelines",
        "fast/unsupported",
        "fast/reading",
        "fast/network",
        "fast/components",
        "fast/proof_texts",
        "fast/rounding",
        "fast/pipeline",
        "fast/proof",
        "fast",
        "settings",
        "html",
        "names/rules",
        "names",
        "engines",
        "metrics",
        "core",
        "gateways",
        "app",
        "__main__",
    ],
    "persister": [
        "metrics",
        "failpoints",
        "values",
        "sqlite",
        "sinks/derived",
        "sinks",
        "sinks/questions",
        "journal/errors",
        "journal/tables",
        "journal",
        "flushing",
        "services",
        "services/status",
        "settings",
        "sinks/firestore",
        "sinks/firestore/compact",
        "sinks/firestore/compact/listing",
        "sinks/firestore/making",
        "sinks/questions/firestore_days",
        "sinks/questions/firestore_asking",
        "sinks/questions/firestore_reading",
        "sinks/questions/firestore_compact_reading",
        "sinks/questions/firestore_compact",
        "sinks/questions/firestore",
        "maintenance",
        "maintenance/migration",
        "app",
        "__main__",
    ],
    "client": [
        "errors",
        "files",
        "settings",
        "values",
        "days/times",
        "days/answers",
        "_gateway",
        "days",
        "inputs/readers",
        "inputs",
        "certificates",
        "keys",
        "up",
        "client",
        "client/status",
        "",
        "cli/running",
        "cli/asking",
        "cli/output",
        "cli/uploading/rejecting",
        "cli/uploading",
        "cli/reading",
        "cli/securing",
        "cli/status",
        "cli",
        "__main__",
    ],
    "dashboard": [
        "settings",
        "metrics",
        "addresses",
        "asking",
        "views",
        "web",
        "pages",
        "app",
        "serving",
        "__main__",
    ],
}
"""Rooms from the ground up: each may import what stands before it. A room is a folder, without
the folders in it, or a module that is named. "" is the package's own __init__."""

SIDE_BY_SIDE = 12
"""What a reader takes in at one look: modules and folders in one folder."""
MORE: dict[str, str] = {
    "client": "what programs import of it by name stands at the top",
    "persister/sinks/firestore": "each is another side of the same documents",
    "persister/sinks/firestore/compact": "each is another side of one tree of documents",
    "persister/sinks/questions": "each store has its own, and one opens those of one store",
}
"""Folders that hold more, with the reason."""


@cache
def modules(distribution: str) -> dict[str, Path]:
    """Return the files of a distribution by module name, generated ones left out."""
    source = REPOSITORY / distribution / "src"
    files = (source / PACKAGES[distribution]).rglob("*.py")
    return {
        ".".join(file.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): file
        for file in files
        if "_pb2" not in file.name
    }


def imports(distribution: str, module: str) -> Iterator[str]:
    """Yield the modules that a module imports, also inside functions; none are relative."""
    known = modules(distribution)
    for node in ast.walk(ast.parse(known[module].read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in known else str(node.module)


def room(distribution: str, module: str) -> str:
    """Return the room of a module: its own if it is named, or else its folder."""
    path = "/".join(module.split(".")[1:])
    if path in ROOMS[distribution] or modules(distribution)[module].name == "__init__.py":
        return path
    return path.rpartition("/")[0]


@pytest.mark.parametrize("distribution", PACKAGES)
def test_no_imports_go_in_a_circle(distribution: str) -> None:
    """Whoever reads a module can stop at what it imports."""
    known = modules(distribution)
    graph = {module: set(imports(distribution, module)) & known.keys() for module in known}
    for module in graph:
        graph[module].discard(module)
    TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("distribution", ROOMS)
def test_no_room_imports_what_stands_above_it(distribution: str) -> None:
    """Each room is in the order, and imports only from before it."""
    order = {name: height for height, name in enumerate(ROOMS[distribution])}
    found = set()
    upwards = []
    for module in modules(distribution):
        own = room(distribution, module)
        empty = not ast.parse(modules(distribution)[module].read_text()).body[1:]
        if own not in order and empty:
            continue  # an __init__ with nothing but its docstring
        found.add(own)
        assert own in order, f"{module}: where does {own or 'the package itself'} stand in ROOMS?"
        for name in set(imports(distribution, module)) & modules(distribution).keys():
            other = room(distribution, name)
            if order.get(other, -1) > order[own]:
                upwards.append(f"{module} imports {name}")
    assert not upwards
    assert found == order.keys(), "ROOMS names what is not there"


@pytest.mark.parametrize("distribution", PACKAGES)
def test_no_service_imports_another(distribution: str) -> None:
    """They share the protocol and the runtime, and meet only on the wire."""
    others = {PACKAGES[name]: name for name in PACKAGES if name != distribution}
    for module in modules(distribution):
        for name in imports(distribution, module):
            other = others.get(name.partition(".")[0])
            assert other is None or other in BELOW[distribution], f"{module} imports {name}"


def test_a_folder_is_taken_in_at_one_look() -> None:
    """About a dozen side by side; where there are more, the reason stands in MORE."""
    crowded = {
        f"{distribution}/{'/'.join(folder.relative_to(source).parts)}".rstrip("/.")
        for distribution, package in PACKAGES.items()
        for source in [REPOSITORY / distribution / "src" / package]
        for folder in {file.parent for file in modules(distribution).values()}
        if len(side_by_side(folder)) > SIDE_BY_SIDE
    }
    assert crowded == MORE.keys()


def side_by_side(folder: Path) -> list[Path]:
    """Return the modules and the packages in a folder, generated ones left out."""
    files = (file for file in folder.glob("*.py") if file.name != "__init__.py")
    packages = (file.parent for file in folder.glob("*/__init__.py"))
    return [*(file for file in files if "_pb2" not in file.name), *packages]
