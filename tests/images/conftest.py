"""These tests need a Docker daemon and the images (`make images-test` brings both)."""

import pytest
from images.docker import docker, why_not
from manifests.naming import IMAGES
from manifests.objects import load


@pytest.fixture(scope="session")
def image_names() -> dict[str, str]:
    """The images by distribution, as the manifests name them. Skips where there are none."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    registry, slash, rest = load().pod("gateway").container["image"].rpartition("/")
    tag = rest.partition(":")[2]
    names = {kind: f"{registry}{slash}{image}:{tag}" for kind, image in IMAGES.items()}
    for name in names.values():
        if not docker("image", "ls", "--quiet", name):
            pytest.skip(f"{name} is not built (`make images`)")
    return names
