"""Image names: one version everywhere, and no tag that moves."""

import tomllib
from collections.abc import Iterator

from manifests.objects import REPOSITORY, Manifests, image_name

IMAGES = {
    "gateway": "newstally-gateway",
    "extractor": "newstally-extractor",
    "persister": "newstally-persister",
    "client": "newstally",
    "dashboard": "newstally-dashboard",
}
"""By distribution: what `make images` makes."""


def version() -> str:
    """Return the version of this source tree."""
    project = tomllib.loads((REPOSITORY / "gateway" / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def check_images(manifests: Manifests) -> Iterator[str]:
    """Every image of ours is one that `make images` makes, of this version and one registry."""
    registries = set()
    for pod, container in manifests.containers():
        image = container["image"]
        if container.get("imagePullPolicy") != "IfNotPresent":
            yield f"{pod.name} cannot use an image that was loaded into the node"
        if image_name(container) not in IMAGES.values():
            if image.rpartition(":")[2] in {"latest", image}:
                yield f"{pod.name} uses {image}, which moves"
            continue
        registry, _, name = image.rpartition("/")
        registries.add(registry)
        if name != f"{image_name(container)}:{version()}":
            yield f"{pod.name} uses {image}; this is version {version()} (`make image-names`)"
    if len(registries) > 1:
        yield f"images come from different registries: {sorted(registries)}"
