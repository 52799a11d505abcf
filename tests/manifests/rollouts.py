"""Does a rollout come to its end? The Deployment controller's arithmetic, and a cluster's room."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from manifests.objects import Manifests, Object


@dataclass
class Rollout:
    """Old and new pods of a Deployment; those that find no room wait."""

    replicas: int
    away: int
    """How many of `replicas` may be unavailable."""
    surge: int
    """How many pods there may be beyond `replicas`."""
    room: int
    """How many pods the cluster holds."""

    def __post_init__(self) -> None:
        self.old_running = min(self.replicas, self.room)
        self.old_waiting = self.replicas - self.old_running
        self.new_running = self.new_waiting = 0
        self.fewest = self.old_running

    def run(self) -> bool:
        """Go on until nothing moves any more; return whether all old pods are gone."""
        while self._step():
            pass
        return self.old_running == self.old_waiting == 0

    @property
    def _running(self) -> int:
        return self.old_running + self.new_running

    def _step(self) -> bool:
        before = (self.old_running, self.old_waiting, self.new_running, self.new_waiting)
        self._scale_up()
        self._scale_down()
        # Who starts now takes a while.
        self.fewest = min(self.fewest, self._running)
        self._schedule()
        return before != (self.old_running, self.old_waiting, self.new_running, self.new_waiting)

    def _scale_up(self) -> None:
        total = self._running + self.old_waiting + self.new_waiting
        missing = self.replicas - self.new_running - self.new_waiting
        self.new_waiting += max(0, min(missing, self.replicas + self.surge - total))

    def _scale_down(self) -> None:
        """Pods that do not run go first; the others only while enough are available."""
        total = self._running + self.old_waiting + self.new_waiting
        least = self.replicas - self.away
        spare = total - least - self.new_waiting
        if spare <= 0:
            return
        self.old_waiting -= min(spare, self.old_waiting)
        self.old_running -= max(0, min(self.old_running, self._running - least))

    def _schedule(self) -> None:
        """Whoever waited first is first, which is the worst for a rollout."""
        placed = min(self.old_waiting, self.room - self._running)
        self.old_waiting, self.old_running = self.old_waiting - placed, self.old_running + placed
        placed = min(self.new_waiting, self.room - self._running)
        self.new_waiting, self.new_running = self.new_waiting - placed, self.new_running + placed


def rollout(workload: Object, replicas: int, room: int) -> Rollout:
    """Return the beginning of a Deployment's rollout."""
    strategy = workload["spec"]["strategy"]["rollingUpdate"]
    away = _number(strategy["maxUnavailable"], replicas, math.floor)
    surge = _number(strategy["maxSurge"], replicas, math.ceil)
    return Rollout(replicas, away if away or surge else 1, surge, room)


def check_rollouts(manifests: Manifests) -> Iterator[str]:
    """A rollout goes on where there is no room for a pod more, or for one extractor only."""
    gateway = manifests.get("Deployment", "gateway")
    replicas = gateway["spec"]["replicas"]
    gateways = rollout(gateway, replicas, room=replicas)
    if not gateways.run():
        yield "gateways wait for room that there is not"
    if replicas > 1 and gateways.fewest == 0:
        yield "for a while there is no gateway"
    extractor = manifests.get("Deployment", "extractor")
    least = manifests.get("HorizontalPodAutoscaler", "extractor")["spec"]["minReplicas"]
    for room in range(1, least + 1):
        if not rollout(extractor, least, room).run():
            yield f"where {room} of {least} extractors fit, a rollout waits for ever"
    budget = manifests.get("PodDisruptionBudget", "extractor")["spec"]["maxUnavailable"]
    if _number(budget, least, math.ceil) < least:
        yield "the node of the only extractor that fits cannot be drained"


def check_priority(manifests: Manifests) -> Iterator[str]:
    """The persister, the one single point, makes others leave a full node, and none makes it."""
    priorities = {
        each["metadata"]["name"]: each["value"] for each in manifests.kind("PriorityClass")
    }
    found = {
        pod.name: priorities.get(pod.spec.get("priorityClassName"), 0) for pod in manifests.pods()
    }
    persister = found.pop("persister")
    if any(persister <= other for other in found.values()):
        yield "the persister is not more important than everything else"
    for each in manifests.kind("PriorityClass"):
        if each["globalDefault"]:
            yield f"{each['metadata']['name']} is everybody's priority"


def _number(value: int | str, replicas: int, rounded: Callable[[float], int]) -> int:
    if isinstance(value, int):
        return value
    return rounded(int(value.removesuffix("%")) * replicas / 100)
