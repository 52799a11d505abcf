"""One run: everything there is, from a seed to its verdict."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from newstally_extractor.core import replica as replicas
from newstally_gateway.core.clients.admission import Admission, Memory
from newstally_gateway.core.clients.batches import wait_seconds
from newstally_gateway.core.clients.stream import Stream
from newstally_gateway.core.replicas import link as links
from newstally_gateway.core.replicas.dispatcher import Dispatcher
from newstally_persister.flushing.machine import FlushMachine
from newstally_persister.journal.store import JournalStore
from simulation.chaos import Chaos
from simulation.client import Client
from simulation.corpus import Sample, make_samples
from simulation.gateway import Gateway
from simulation.kernel import Kernel, Life, ViolationError
from simulation.network import Network
from simulation.oracle import Oracle
from simulation.persister import Persister
from simulation.replica import Replica
from simulation.scenario import draw
from simulation.session import Session
from simulation.sink import Sink
from simulation.watch import Watch

PATIENCE_SECONDS = 12_000.0
"""How long after the last fault everything must be done: virtual. Where one replica has nothing
else to do, each article that kills it takes five minutes."""
CONTENTS = 2
"""What clients may send under one upload."""
STEPS_LIMIT = 400_000
"""More is a loop."""


@dataclass(frozen=True, slots=True)
class Machines:
    """What is tested. A planted fault replaces one of them."""

    admission: Callable[[int, int], Admission] = Admission
    dispatcher: Callable[[float], Dispatcher] = Dispatcher
    flusher: type[FlushMachine] = FlushMachine
    link: type[links.Link] = links.Link
    replica: type[replicas.Replica] = replicas.Replica
    memory: type[Memory] = Memory
    stream: type[Stream] = Stream
    wait_seconds: Callable[[str, float | None, float], float | None] = wait_seconds
    store: Callable[[sqlite3.Connection, Callable[[], str]], JournalStore] = JournalStore
    session: type[Session] = Session
    watch: type[Watch] = Watch
    persister: type[Persister] = Persister
    sink: type[Sink] = Sink


REAL = Machines()


class World:
    """Builds and runs what a seed stands for."""

    def __init__(
        self, seed: int, machines: Machines = REAL, write: Callable[[str], None] | None = None
    ) -> None:
        self.machines = machines
        self.kernel = Kernel(seed, write)
        self.scenario = draw(self.kernel.random)
        self.kernel.note("%s", self.scenario)
        self.life = Life()
        self.uploads = {
            f"u{number}": [
                make_samples(
                    self.kernel.random, f"u{number}.{contents}", articles, self.scenario.lethal
                )
                for contents in range(CONTENTS)
            ]
            for number, articles in enumerate(self.scenario.articles)
        }
        self.samples: dict[str, Sample] = {
            sample.article.content: sample
            for contents in self.uploads.values()
            for samples in contents
            for sample in samples
            if sample.article is not None
        }
        self.network = Network(self.kernel, self.scenario.weather)
        self.oracle = Oracle(self.uploads)
        self.sink = machines.sink(self.kernel)
        self.persister = machines.persister(self)
        self.replicas = [Replica(self, f"replica{n}") for n in range(self.scenario.replicas)]
        self.gateways = [Gateway(self, f"gateway{n}") for n in range(self.scenario.gateways)]
        self.clients = [
            Client(self, f"client{number}", f"u{upload}", contents, self.scenario.pauses[number])
            for number, (upload, contents) in enumerate(self.scenario.readers)
        ]
        for replica in self.replicas:
            self.kernel.after(self.kernel.random.uniform(0, 2), self.life, replica.start)
        self.kernel.at(self.scenario.quiet_at, self.life, self._quiet)
        Chaos(self)

    def run(self) -> None:
        """Run until everything is settled, applied and given back; then recount."""
        try:
            while not self._is_done():
                self._step()
            self.oracle.recount(self.persister.store, self.sink, self.persister.disk)
        finally:
            self.persister.disk.close()
            self.sink.disk.close()

    def _step(self) -> None:
        if not self.kernel.step():
            raise ViolationError("nothing happens any more")
        acted = self.kernel.acted
        for gateway in self.gateways:
            if acted is gateway.life or acted is self.life:
                gateway.check()
        if self.kernel.now > self.scenario.quiet_at + PATIENCE_SECONDS:
            raise ViolationError(f"not done in time: {self._unfinished()}")
        if self.kernel.steps > STEPS_LIMIT:
            raise ViolationError(f"too many steps: {self._unfinished()}")

    def _is_done(self) -> bool:
        return (
            self.network.fair
            and all(client.has_ended for client in self.clients)
            and all(gateway.idle for gateway in self.gateways)
            and self.persister.idle
        )

    def _quiet(self) -> None:
        self.kernel.note("all is quiet")
        self.network.fair = True
        self.persister.disk.fuse = self.sink.disk.fuse = None
        self.persister.hangs_until = 0.0
        self.persister.full_until = self.sink.down_until = 0.0
        self.persister.disk.empty()
        self.sink.disk.empty()
        self.sink.relent()
        self.persister.look_after()

    def _unfinished(self) -> str:
        return ", ".join(
            [
                *(f"{client.name} waits" for client in self.clients if not client.has_ended),
                *(f"{gateway.name}: {gateway.state()}" for gateway in self.gateways),
                f"persister idle={self.persister.idle}",
            ]
        )
