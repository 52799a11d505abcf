"""What all sessions of the process share."""

from dataclasses import dataclass, field

from newstally_protos.tracing.spans import OFF

from newstally_gateway.clients.limiting import Limiting
from newstally_gateway.clients.tracing import Tracing
from newstally_gateway.core.clients.admission import Memory
from newstally_gateway.core.clients.effects import Counters
from newstally_gateway.core.clients.ledger import BatchLimits
from newstally_gateway.core.replicas.dispatching import Dispatching
from newstally_gateway.metrics import Metrics
from newstally_gateway.persister.recorder import Recorder
from newstally_gateway.persister.uploads import Uploads


@dataclass(frozen=True, slots=True)
class Shared:
    """Passed to every session."""

    dispatching: Dispatching
    memory: Memory
    recorder: Recorder
    limiting: Limiting
    uploads: Uploads
    metrics: Metrics
    counters: Counters
    limits: BatchLimits
    max_content_bytes: int
    tracing: Tracing = field(default_factory=lambda: Tracing(OFF))
