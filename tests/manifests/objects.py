"""The manifests as the tests see them: a list of objects, and ways to find their way in it."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "k8s"
EXAMPLES = FOLDER / "examples"

Object = dict[str, Any]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pod:
    """What a workload makes: its template."""

    workload: Object
    spec: Object
    labels: Labels

    @property
    def name(self) -> str:
        """The workload's name."""
        return str(self.workload["metadata"]["name"])

    @property
    def containers(self) -> list[Object]:
        """All containers, those that run first before the others."""
        return [*self.spec.get("initContainers", ()), *self.spec["containers"]]

    @property
    def container(self) -> Object:
        """The only container that keeps running."""
        (container,) = self.spec["containers"]
        found: Object = container
        return found

    @property
    def image(self) -> str:
        """The image's name without registry and tag."""
        return image_name(self.container)

    @property
    def service(self) -> str:
        """The image whose own program the container runs; "" for a command of its own."""
        return "" if "command" in self.container else self.image

    def port(self, name_or_number: str | int) -> int:
        """Return a container port's number, given its name or number. Raises KeyError."""
        numbers = {port["name"]: int(port["containerPort"]) for port in self.container["ports"]}
        if isinstance(name_or_number, int):
            if name_or_number not in numbers.values():
                raise KeyError(name_or_number)
            return name_or_number
        return numbers[name_or_number]


class Manifests:
    """All objects of some files."""

    def __init__(self, objects: list[Object]) -> None:
        self.objects = objects

    def kind(self, *kinds: str) -> list[Object]:
        """Return all objects of these kinds."""
        return [each for each in self.objects if each["kind"] in kinds]

    def get(self, kind: str, name: str) -> Object:
        """Return the object with this name. Raises KeyError."""
        for each in self.kind(kind):
            if each["metadata"]["name"] == name:
                return each
        raise KeyError(f"{kind}/{name}")

    def pods(self) -> list[Pod]:
        """Return what every workload makes."""
        found = []
        for workload in self.kind("Deployment", "StatefulSet", "Job", "CronJob"):
            job = workload["spec"].get("jobTemplate", workload)
            template = job["spec"]["template"]
            found.append(Pod(workload, template["spec"], template["metadata"]["labels"]))
        return found

    def containers(self) -> list[tuple[Pod, Object]]:
        """Return every container, those that run first included, with its pod."""
        return [(pod, container) for pod in self.pods() for container in pod.containers]

    def pod(self, name: str) -> Pod:
        """Return what the workload of this name makes. Raises KeyError."""
        for pod in self.pods():
            if pod.name == name:
                return pod
        raise KeyError(name)

    def selected(self, labels: Labels) -> list[Pod]:
        """Return the pods that carry all these labels."""
        return [pod for pod in self.pods() if labels.items() <= pod.labels.items()]

    def environment(self, pod: Pod) -> dict[str, str]:
        """Return the variables that the pod's container gets. Raises KeyError."""
        variables: dict[str, str] = {}
        for source in pod.container.get("envFrom", ()):
            wanted = source["configMapRef"]
            try:
                variables.update(self.get("ConfigMap", wanted["name"])["data"])
            except KeyError:
                if not wanted.get("optional"):
                    raise
        variables.update({each["name"]: each["value"] for each in pod.container.get("env", ())})
        return variables

    def copy(self) -> "Manifests":
        """Return a copy that can be broken."""
        return Manifests(copy.deepcopy(self.objects))

    def replaced_by(self, other: "Manifests") -> "Manifests":
        """Return what the cluster holds after the other's objects were applied too."""
        objects = {_key(each): each for each in [*self.objects, *other.objects]}
        return Manifests(list(objects.values()))


def image_name(container: Object) -> str:
    """Return a container's image without registry and tag."""
    return str(container["image"]).rpartition("/")[2].partition(":")[0]


def files(folder: Path = FOLDER) -> list[Path]:
    """Return what `kubectl apply -f folder` reads, in its order."""
    return sorted(path for path in folder.iterdir() if path.suffix in {".yaml", ".yml", ".json"})


def load(*paths: Path) -> Manifests:
    """Read files, by default those of k8s/."""
    return Manifests([each for path in paths or files() for each in documents(path.read_text())])


def documents(text: str) -> Iterator[Object]:
    """Give the objects of a file."""
    for each in _parsed(text):
        assert isinstance(each, dict)
        yield copy.deepcopy(each)


@cache
def _parsed(text: str) -> list[Any]:
    return list(yaml.safe_load_all(text))


def _key(each: Object) -> tuple[str, str]:
    return each["kind"], each["metadata"]["name"]
