"""`kubectl apply -f k8s/` succeeds over what the previous release left in the cluster."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from manifests.objects import REPOSITORY, Manifests, Object, documents, load
from manifests.settings import KINDS, settings_of
from newstally_gateway.settings import GatewaySettings
from pydantic import ValidationError
from rollouts.releases import git, previous_release

FIXED = {
    "Deployment": ("selector",),
    "StatefulSet": ("selector", "serviceName", "podManagementPolicy", "volumeClaimTemplates"),
    "Service": ("clusterIP",),
}
"""By kind: what the API server refuses to change."""


@pytest.fixture
def applied() -> Manifests:
    """The manifests of the newest release."""
    release = previous_release(REPOSITORY, "")
    if release is None:
        pytest.skip("there is no release in the history")
    names = git(REPOSITORY, "ls-tree", "--name-only", release.commit, "k8s/").split()
    texts = [git(REPOSITORY, "show", f"{release.commit}:{name}") for name in names if "." in name]
    return Manifests([each for text in texts for each in documents(text)])


def fixed(manifests: Manifests) -> dict[tuple[str, str], Object]:
    """Return what cannot be changed, by kind and name."""
    return {
        (kind, each["metadata"]["name"]): {
            field: filled_in(each["spec"].get(field), field) for field in fields
        }
        for kind, fields in FIXED.items()
        for each in manifests.kind(kind)
    }


def filled_in(value: Any, field: str) -> Any:
    """Return a fixed field as the API server keeps it, with what a manifest may leave out."""
    if field != "volumeClaimTemplates":
        return value
    what = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    mode = {"volumeMode": "Filesystem"}
    return [{**what, **claim, "spec": {**mode, **claim["spec"]}} for claim in value]


def refused(before: Manifests, after: Manifests) -> Iterator[tuple[str, str]]:
    """Give kind and name of what cannot be applied over what is there."""
    old, new = fixed(before), fixed(after)
    yield from (key for key in sorted(old.keys() & new.keys()) if old[key] != new[key])


def test_what_cannot_be_changed_stays_or_is_named(applied: Manifests) -> None:
    """Where a fixed field must change all the same, the changelog has the command for it."""
    head = re.split(r"^## ", (REPOSITORY / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    for kind, name in refused(applied, load()):
        assert f"delete {kind.lower()} {name} --cascade=orphan" in head


def test_what_is_gone_is_named(applied: Manifests) -> None:
    """An apply deletes nothing, so what is no longer in k8s/ has to be deleted by hand."""
    names = [
        {(each["kind"], each["metadata"]["name"]) for each in manifests.objects}
        for manifests in (applied, load())
    ]
    head = re.split(r"^## ", (REPOSITORY / "CHANGELOG.md").read_text(), flags=re.MULTILINE)[1]
    for kind, name in sorted(names[0] - names[1]):
        assert f"delete {kind.lower()} {name}" in head


@pytest.mark.parametrize("name", ["gateway", "extractor", "persister"])
def test_the_images_of_this_release_start_with_the_manifests_before(
    applied: Manifests, name: str
) -> None:
    """Openly, as they did: what an image sets and what is applied there is all that is needed."""
    dockerfile = (REPOSITORY / name / "Dockerfile").read_text()
    image = dict(re.findall(rf"(NEWSTALLY_{name.upper()}_\w+)=(\S+)", dockerfile))
    environment = {**image, **applied.environment(applied.pod(name))}
    settings = settings_of(KINDS[f"newstally-{name}"], environment)
    assert settings.speaks_plain
    assert settings.port == applied.pod(name).port("grpc")
    if isinstance(settings, GatewaySettings):
        assert settings.keys is None
        # Without what the image sets it would not start: it has to be told to be open.
        with pytest.raises(ValidationError, match="--allow-anonymous"):
            settings_of(GatewaySettings, applied.environment(applied.pod(name)))


@pytest.mark.parametrize(
    ("kind", "name", "field", "value"),
    [
        ("Deployment", "gateway", "selector", {"matchLabels": {"app": "gateway"}}),
        ("StatefulSet", "persister", "volumeClaimTemplates", []),
        ("Service", "extractor", "clusterIP", "10.0.0.1"),
    ],
)
def test_a_change_that_is_refused_is_noticed(
    kind: str, name: str, field: str, value: object
) -> None:
    """A copy with another selector, claim or kind of Service cannot be applied."""
    broken = load().copy()
    broken.get(kind, name)["spec"][field] = value
    assert list(refused(load(), broken)) == [(kind, name)]
