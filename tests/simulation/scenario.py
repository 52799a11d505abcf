"""What a seed stands for: how large everything is, and how much goes wrong."""

from dataclasses import dataclass
from random import Random

from newstally_gateway.core.clients.admission import charge_bytes
from simulation.corpus import MAX_CONTENT_BYTES
from simulation.network import Weather

ARTICLE_TIMEOUT = 8.0
"""Seconds, as in the dispatcher."""
HARD_LIMIT = 4.0
"""Seconds until a replica that hangs ends itself; below the article timeout."""
RECORD_DEADLINE = 2.0
"""Seconds per try of RecordBatch."""
FLUSH_SECONDS = 1.0
"""How often the persister looks whether there is something to flush."""
LARGEST_CHARGE = charge_bytes(MAX_CONTENT_BYTES)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a gateway may be set to, and to something else when it is started again."""

    admission_bytes: int
    close_bytes: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """The sizes and the faults of one run."""

    articles: tuple[int, ...]
    """Per upload."""
    readers: tuple[tuple[int, int], ...]
    """Per client, the upload that it sends, and which contents: one upload may have two clients,
    which may send different ones."""
    pauses: tuple[float, ...]
    """Per client, seconds between two articles."""
    gateways: int
    settings: tuple[Settings, ...]
    replicas: int
    replica_articles: int
    replica_bytes: int
    lethal: float
    """Share of articles that end a replica."""
    unruly: float
    """Probability that a replica answers twice, late, or what nobody asked."""
    weather: Weather
    incidents: int
    quiet_at: float
    """Seconds until faults end."""
    model_seconds: float
    """Mean time that a replica takes for an article."""
    part_rows: int
    """Largest part of a flush, in rows."""


def draw(random: Random) -> Scenario:
    """Draw a scenario: small, so that every bound is reached."""
    uploads = random.choice((1, 1, 2))
    articles = tuple(random.randint(4, 36 // uploads) for _ in range(uploads))
    readers = [(upload, 0) for upload in range(uploads)]
    if random.random() < 0.5:
        readers.append((random.randrange(uploads), random.choice((0, 0, 1))))
    pauses = [random.choice((0.0, 0.0, 0.01, 0.1)) for _ in readers]
    if random.random() < 0.1:  # a race: the slower one hears of more than it has sent
        articles, readers, pauses = (36,), [(0, 0), (0, random.randrange(2))], [0.05, 0.5]
    harsh = random.random() < 0.8
    return Scenario(
        articles=articles,
        readers=tuple(readers),
        pauses=tuple(pauses),
        gateways=random.choice((1, 2, 2)),
        settings=tuple(
            Settings(
                admission_bytes=int(LARGEST_CHARGE * random.choice((1, 1.5, 2, 3, 5))),
                close_bytes=random.choice((300, 2_000, 1_000_000)),
            )
            for _ in range(random.choice((1, 3)))
        ),
        replicas=random.randint(1, 3),
        replica_articles=random.choice((1, 2, 4, 8)),
        replica_bytes=random.choice((500, 2_400, 8_000, 40_000)),
        lethal=random.choice((0, 0, 0.04, 0.12)) if harsh else 0,
        unruly=random.choice((0, 0.1, 0.4)) if harsh else 0,
        weather=Weather(
            latency=random.choice((0.002, 0.03)),
            slow=random.choice((0, 0.02, 0.1)) if harsh else 0,
            lost=random.choice((0, 0.05, 0.2)) if harsh else 0,
            doubled=random.choice((0, 0.1)) if harsh else 0,
        ),
        incidents=random.randrange(24) if harsh else 0,
        quiet_at=random.choice((random.uniform(1, 5), random.uniform(5, 20))),
        model_seconds=random.choice((0.01, 0.05, 0.4)),
        part_rows=random.choice((1, 3, 10, 100)),
    )
