"""These tests need a Docker daemon and the images of this tree: `make images-test` brings both."""

import pytest
from images.docker import RUN, docker
from manifests.naming import IMAGES
from manifests.objects import load


@pytest.fixture(scope="session")
def image_names() -> dict[str, str]:
    """The images by distribution, as the manifests name them; they must be there."""
    if not RUN:
        pytest.skip("`make images-test` builds the images and tries them")
    registry, slash, rest = load().pod("gateway").container["image"].rpartition("/")
    tag = rest.partition(":")[2]
    names = {kind: f"{registry}{slash}{image}:{tag}" for kind, image in IMAGES.items()}
    for name in names.values():
        assert docker("image", "ls", "--quiet", name), f"{name} is not built"
    return names
