"""How a check is shown that it can fail."""

from collections.abc import Callable, Iterator

from manifests.objects import Manifests

Check = Callable[[Manifests], Iterator[str]]
Break = Callable[[Manifests], object]
Breaks = dict[str, tuple[Check, Break]]
"""By what is wrong: the check that has to complain, and what breaks a copy."""


def data(manifests: Manifests, name: str) -> dict[str, str]:
    """Return the data of a ConfigMap, to be changed."""
    found: dict[str, str] = manifests.get("ConfigMap", name)["data"]
    return found
