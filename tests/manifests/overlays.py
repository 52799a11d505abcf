"""Kustomizations, as far as this repository uses them: resources, and patches that are merged."""

import copy
from pathlib import Path
from typing import Any

import yaml
from manifests.objects import FOLDER, REPOSITORY, Manifests, Object, documents, load

OVERLAYS = REPOSITORY / "deploy" / "kustomize"


def overlay(name: str) -> Manifests:
    """Return what `kubectl apply -k deploy/kustomize/NAME/` applies."""
    folder = OVERLAYS / name
    described = _read(folder / "kustomization.yaml")
    assert not described.keys() - {"apiVersion", "kind", "resources", "patches"}
    (base,) = described["resources"]
    assert (folder / base).resolve() == FOLDER
    files = _read(FOLDER / "Kustomization")["resources"]
    manifests = load(*(FOLDER / file for file in files))
    for patch in described.get("patches", ()):
        (change,) = documents((folder / patch["path"]).read_text())
        target = manifests.get(change["kind"], change["metadata"]["name"])
        target.update(merged(target, change))
    return manifests


def merged(target: Any, change: Any) -> Any:
    """Merge maps by key and lists of containers by name; everything else is replaced.

    So is a list of metrics, which the API keeps as one.
    """
    if isinstance(target, dict) and isinstance(change, dict):
        return {**target, **{key: merged(target.get(key), change[key]) for key in change}}
    if isinstance(target, list) and isinstance(change, list) and "name" in change[0]:
        changes = {each["name"]: each for each in change}
        assert changes.keys() <= {each["name"] for each in target}
        return [merged(each, changes.get(each["name"], {})) for each in target]
    return copy.deepcopy(change)


def _read(path: Path) -> Object:
    found: Object = yaml.safe_load(path.read_text())
    return found
