"""Image names: one version everywhere, and no tag that moves."""

import tomllib
from collections.abc import Iterator

from manifests.objects import REPOSITORY, Manifests

IMAGES = {
    "gateway": "newstally-gateway",
    "extractor": "newstally-extractor",
    "persister": "newstally-persister",
    "client": "newstally",
}
"""By distribution: what `make images` makes."""


def version() -> str:
    """Return the version of this source tree."""
    project = tomllib.loads((REPOSITORY / "gateway" / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def check_images(manifests: Manifests) -> Iterator[str]:
    """Every image of ours is one that `make images` makes, of this version and one registry."""
    registries = set()
    for pod in manifests.pods():
        image = pod.container["image"]
        registry, _, name = image.rpartition("/")
        if pod.image not in IMAGES.values():
            continue
        registries.add(registry)
        if name != f"{pod.image}:{version()}":
            yield f"{pod.name} uses {image}; this is version {version()} (`make image-names`)"
        if pod.container.get("imagePullPolicy") != "IfNotPresent":
            yield f"{pod.name} cannot use an image that was loaded into the node"
    if len(registries) > 1:
        yield f"images come from different registries: {sorted(registries)}"
