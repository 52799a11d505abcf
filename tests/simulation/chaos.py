"""Incidents at random moments, until the quiet begins."""

from typing import TYPE_CHECKING

from newstally_extractor.core.replica import STALL_SECONDS
from simulation.link import Link
from simulation.replica import Replica
from simulation.scenario import ARTICLE_TIMEOUT, RECORD_DEADLINE

if TYPE_CHECKING:
    from simulation.world import World


class Chaos:
    """Breaks things. All that it breaks comes back."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._random = world.kernel.random
        quiet_at = world.scenario.quiet_at
        incidents = (
            self._kill_replica,
            self._stall_replica,
            self._freeze_replica,
            self._rage,
            self._drain_replica,
            self._break_link,
            self._break_link,
            self._retire_link,
            self._deafen_link,
            self._kill_gateway,
            self._drain_gateway,
            self._kill_persister,
            self._hang_persister,
            self._cut_power,
            self._cut_power,
            self._fill_journal,
            self._close_sink,
            self._fill_disk,
            self._drain_persister,
            self._retry_rows,
            self._vanish,
            self._vanish,
        )
        for _ in range(world.scenario.incidents):
            # Rather early than late, when the work may be done.
            when = self._random.random() ** 2 * quiet_at
            world.kernel.at(when, world.life, self._random.choice(incidents))

    def _replica(self) -> Replica:
        link = self._link()
        return next(replica for replica in self._world.replicas if replica.name == link.key)

    def _links(self) -> list[Link]:
        return [link for gateway in self._world.gateways for link in gateway.links]

    def _link(self) -> Link:
        """Choose a link; rather one where a suspect is tried, or where there is work at all."""
        links = self._links()
        trials = [link for link in links if link.has_suspect]
        busy = [link for link in links if link.held]
        for rather in (trials, busy):
            if rather and self._random.random() < 0.5:
                return self._random.choice(rather)
        return self._random.choice(links)

    def _kill_replica(self) -> None:
        self._replica().die(lossy=True)

    def _stall_replica(self) -> None:
        self._replica().stall(self._random.choice((0.5, 1.5, 12)) * ARTICLE_TIMEOUT)

    def _freeze_replica(self) -> None:
        self._replica().freeze()

    def _rage(self) -> None:
        """Kill one replica after the other, whatever it does, until all is quiet."""
        if not self._world.network.fair:
            self._random.choice(self._world.replicas).die(lossy=True)
            self._world.kernel.after(0.8, self._world.life, self._rage)

    def _drain_replica(self) -> None:
        self._replica().drain()

    def _break_link(self) -> None:
        """Break a link, at times twice: the second time when one of its suspects is tried."""
        link = self._link()
        self._break(link)
        if self._random.random() < 0.5:
            self._break_at_trial(link, 30)

    def _break_at_trial(self, link: Link, looks: int) -> None:
        if link.is_trying:
            self._break(link)
        elif looks:
            delay = self._random.uniform(0, 0.1)
            self._world.kernel.after(delay, self._world.life, self._break_at_trial, link, looks - 1)

    def _break(self, link: Link) -> None:
        if link.stream is None or self._world.network.fair:
            return
        self._world.kernel.note("a link of %s breaks", link.key)
        link.stream.cut()

    def _retire_link(self) -> None:
        self._link().retire()

    def _deafen_link(self) -> None:
        self._link().deafen(self._random.choice((0.5, 1.5, 3)) * STALL_SECONDS)

    def _kill_gateway(self) -> None:
        self._random.choice(self._world.gateways).die()

    def _drain_gateway(self) -> None:
        self._random.choice(self._world.gateways).drain()

    def _kill_persister(self) -> None:
        self._world.persister.die()

    def _hang_persister(self) -> None:
        seconds = self._random.choice((0.5, 1.5, 5)) * RECORD_DEADLINE
        self._world.persister.hangs_until = self._world.kernel.now + seconds

    def _cut_power(self) -> None:
        """Let the persister, or the sink, die at one of its next statements."""
        disk = self._random.choice((self._world.persister.disk, self._world.sink.disk))
        disk.fuse = self._random.randint(1, 25)
        disk.late = self._random.choice((True, False))

    def _fill_journal(self) -> None:
        self._world.persister.full_until = self._world.kernel.now + self._random.uniform(0, 5)

    def _fill_disk(self) -> None:
        """Leave no room on the disk of the journal, or of the sink, for a while."""
        disk = self._random.choice((self._world.persister.disk, self._world.sink.disk))
        disk.fill()
        self._world.kernel.after(self._random.uniform(1, 10), self._world.life, disk.empty)

    def _drain_persister(self) -> None:
        self._world.persister.drain()

    def _retry_rows(self) -> None:
        persister = self._world.persister
        if persister.life.alive:
            persister.run(persister.retry)

    def _close_sink(self) -> None:
        self._world.sink.down_until = self._world.kernel.now + self._random.uniform(0, 10)

    def _vanish(self) -> None:
        self._random.choice(self._world.clients).vanish()
