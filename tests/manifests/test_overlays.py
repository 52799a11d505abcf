"""`kubectl apply -k`: the same as `-f k8s/`, and a small one for kind and minikube."""

import shutil
import subprocess
from collections.abc import Iterable

import pytest
from manifests.objects import EXAMPLES, FOLDER, Manifests, Object, Pod, documents, files, load
from manifests.overlays import OVERLAYS, overlay
from manifests.quantities import parse
from manifests.test_manifests import CHECKS

NAMES = sorted(path.name for path in OVERLAYS.iterdir())
CORES = 2.0
"""minikube's default."""
SYSTEM_CORES = {
    "API server": 0.25,
    "controller manager": 0.2,
    "scheduler": 0.1,
    "etcd": 0.1,
    "names, twice in kind": 0.2,
    "network": 0.1,
    "metrics, where it is added": 0.1,
}
"""What the cluster's own pods request, on kind or minikube."""
MEMORY = 2 * 2**30
"""Less than minikube's default."""
SYSTEM_MEMORY = (2 * 70 + 100 + 50 + 200) * 2**20
"""Names twice, etcd, network, metrics."""


def sums(pods: Iterable[Pod], resource: str, counts: dict[str, int]) -> float:
    """Return what so many of each pod request together."""
    return sum(
        counts[pod.name] * parse(pod.container["resources"]["requests"][resource]) for pod in pods
    )


def fits(manifests: Manifests) -> list[str]:
    """Return what does not fit on a small cluster: all pods, one gateway more, and an upload."""
    scaler = manifests.get("HorizontalPodAutoscaler", "extractor")["spec"]
    counts = {
        "extractor": scaler["maxReplicas"],
        "persister": 1,
        # A rollout has one more for a while.
        "gateway": manifests.get("Deployment", "gateway")["spec"]["replicas"] + 1,
        "upload-sample": 1,
    }
    pods = [*manifests.pods(), *load(EXAMPLES / "upload-job.yaml").pods()]
    wrong = []
    if sums(pods, "cpu", counts) > CORES - sum(SYSTEM_CORES.values()):
        wrong.append("cores")
    if sums(pods, "memory", counts) > MEMORY - SYSTEM_MEMORY:
        wrong.append("memory")
    return wrong


def test_the_small_one_fits_on_two_cores() -> None:
    """Beside what the cluster itself takes, with room for a rollout and an upload."""
    assert fits(overlay("small")) == []


@pytest.mark.parametrize(
    ("service", "request_"),
    [("extractor", {"cpu": "1"}), ("gateway", {"memory": "1Gi"}), ("persister", {"cpu": "250m"})],
)
def test_a_larger_one_does_not_fit(service: str, request_: dict[str, str]) -> None:
    """Nothing of it could be as in the standard one."""
    manifests = overlay("small")
    manifests.pod(service).container["resources"]["requests"].update(request_)
    assert fits(manifests) != []
    assert fits(load()) != []


def test_the_guides_sums_are_these() -> None:
    """The numbers that docs/kubernetes.md gives."""
    text = (FOLDER.parent / "docs" / "kubernetes.md").read_text().replace("\n", " ")
    small, standard = overlay("small"), load()
    one = dict.fromkeys(("gateway", "extractor", "persister"), 1)
    cores, memory = (sums(small.pods(), each, one) for each in ("cpu", "memory"))
    assert f"asks for {cores:.1f} cores and {memory / 2**30:.0f} GiB" in text
    two = one | {"gateway": 2, "extractor": 2}
    cores, memory = (sums(standard.pods(), each, two) for each in ("cpu", "memory"))
    assert f"at least {cores:.2f} free cores and {memory / 2**30:.1f} GiB" in text


def test_the_standard_one_is_the_folder() -> None:
    """Every file that `kubectl apply -f k8s/` reads, in its order, unchanged."""
    assert overlay("standard").objects == load().objects
    assert [FOLDER / each for each in _resources()] == files()


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_small_one_holds(check: object) -> None:
    """It passes every check that the manifests pass."""
    assert callable(check)
    assert list(check(overlay("small"))) == []


@pytest.mark.parametrize("name", NAMES)
def test_kubectl_reads_it_alike(name: str) -> None:
    """`kubectl kustomize` gives the objects that the tests look at."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run(
        [kubectl, "kustomize", str(OVERLAYS / name)], capture_output=True, text=True, check=True
    )
    assert _sorted(documents(done.stdout)) == _sorted(overlay(name).objects)


def test_kubectl_passes_the_kustomization_over() -> None:
    """`-f k8s/` reads the same objects with it as without; `label --local` asks no cluster."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("kubectl is not installed")
    command = [kubectl, "label", "--local", "--output=name", "--filename", str(FOLDER), "read=yes"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    read = [line.partition("/")[2] for line in done.stdout.splitlines()]
    assert read == [each["metadata"]["name"] for each in load().objects]


def _resources() -> list[str]:
    (described,) = documents((FOLDER / "Kustomization").read_text())
    found: list[str] = described["resources"]
    return found


def _sorted(objects: Iterable[Object]) -> list[Object]:
    return sorted(objects, key=lambda each: (each["kind"], each["metadata"]["name"]))
