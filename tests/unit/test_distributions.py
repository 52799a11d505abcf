"""Each distribution declares what it imports, and installs alone."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from support.processes import REPOSITORY

DISTRIBUTIONS = (
    "protos",
    "runtime",
    "models",
    "gateway",
    "extractor",
    "persister",
    "client",
    "dashboard",
)
FILES = (".py", ".md")
PROVIDERS = {
    "dateutil": "python-dateutil",
    "google.api_core": "google-api-core",
    "google.auth": "google-auth",
    "google.cloud.firestore": "google-cloud-firestore",
    "google.cloud.firestore_v1": "google-cloud-firestore",
    "google.protobuf": "protobuf",
    "google.rpc": "googleapis-common-protos",
    "grpc": "grpcio",
    "grpc_health": "grpcio-health-checking",
    "grpc_reflection": "grpcio-reflection",
    "grpc_status": "grpcio-status",
    "opentelemetry": "opentelemetry-api",
    "opentelemetry.exporter.otlp.proto.grpc": "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry.sdk": "opentelemetry-sdk",
}
"""Which distribution a package comes from, where their names differ."""


def packages(folder: str) -> set[str]:
    return {path.parent.name for path in (REPOSITORY / folder / "src").glob("*/__init__.py")}


def declared(folder: str) -> dict[NormalizedName, Requirement]:
    """Return the dependencies by canonical name."""
    project = tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text())["project"]
    requirements = [Requirement(text) for text in project["dependencies"]]
    assert len({r.name for r in requirements}) == len(requirements)
    return {canonicalize_name(requirement.name): requirement for requirement in requirements}


def extras(folder: str) -> set[str]:
    """Return what only extras of a distribution need."""
    project = tomllib.loads((REPOSITORY / folder / "pyproject.toml").read_text())["project"]
    found = project.get("optional-dependencies", {}).values()
    return {canonicalize_name(Requirement(text).name) for texts in found for text in texts}


def modules(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, also in functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            # `from google.cloud import firestore` imports a module of a name that nobody owns.
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def provider(module: str) -> str:
    """Return the distribution that a module comes from."""
    parts = module.split(".")
    beginnings = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
    found = next((PROVIDERS[name] for name in beginnings if name in PROVIDERS), parts[0])
    return canonicalize_name(found)


def imported(folder: str) -> set[str]:
    own = packages(folder)
    return {
        provider(module)
        for path in (REPOSITORY / folder / "src").rglob("*.py")
        for module in modules(path)
        if module.partition(".")[0] not in sys.stdlib_module_names | own
    }


def named(folder: str) -> set[str]:
    """Return the distributions whose package is named in a string: loaded by its name."""
    return {
        canonicalize_name(node.value)
        for path in (REPOSITORY / folder / "src").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[a-z]+(_[a-z]+)*", node.value)
    }


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_every_import_is_a_declared_dependency(folder: str) -> None:
    """What a distribution imports it declares itself, and does not leave to its dependencies."""
    assert imported(folder) - set(declared(folder)) - extras(folder) == set()


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_every_declared_dependency_is_used(folder: str) -> None:
    """Nothing is installed in vain: each dependency is imported, or loaded by its name."""
    assert set(declared(folder)) - imported(folder) - named(folder) == set()


@pytest.mark.parametrize("folder", DISTRIBUTIONS)
def test_every_dependency_is_pinned_as_declared(folder: str) -> None:
    """constraints.txt pins each dependency of others once, to a version that it allows."""
    lines = (REPOSITORY / "constraints.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    versions = {canonicalize_name(pin.name): str(pin.specifier) for pin in pins}
    assert len(versions) == len(pins)
    ours = {
        tomllib.loads((REPOSITORY / each / "pyproject.toml").read_text())["project"]["name"]
        for each in DISTRIBUTIONS
    }
    for name, requirement in declared(folder).items():
        if name in ours:
            continue
        assert versions.get(name, "").startswith("=="), f"{name} has no pin"
        assert requirement.specifier.contains(versions[name].removeprefix("==")), name


def test_nobody_is_told_to_install_what_no_index_has() -> None:
    """Newstally is installed from its folders; only its dependencies have an index."""
    folders = [*(REPOSITORY / folder / "src" for folder in DISTRIBUTIONS), REPOSITORY / "docs"]
    files = [file for folder in folders for file in folder.rglob("*") if file.suffix in FILES]
    wrong = [
        str(file.relative_to(REPOSITORY))
        for file in [*files, *REPOSITORY.glob("*.md")]
        if re.search(r"pip install (-\S+ )*['\"]?(newstally|en-newstally)\b", file.read_text())
    ]
    assert len(files) > 100
    assert wrong == []
