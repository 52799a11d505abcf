"""Where a client stream is.

    new ──begin──▶ silent ──first message──▶ finding ──found──▶ reading ◀──memory──▶ waiting
                     │                          │                │  │                  │
                     │                          │     ┌──────────┘  │                  │
                     ├───────── input ended ────┼─────┴──▶ finishing ──all settled──▶ ended
                     │                          │              ▲    │                  │
                     │                          │    input ended    │                  │
                     └───────── refused ────────┴──────────▶ refused ◀─────────────────┘
                                                               │
                                                               └─all settled─▶ quieting ──▶ ended

- Messages are taken in `silent` and `reading`, dropped in `refused` and `quieting`. Otherwise the
  input is not read, and so gRPC holds the client up.
- `finding`: the upload of its first message is being found or made. `waiting`: an article waits for
  memory.
- `finishing`: the input is over (ended, or enough of a refused one was dropped). What was admitted
  is settled; then the stream ends, with OK or the status it was refused with.
- `refused`: it has a status to end with, and its client may still be writing. What was admitted is
  settled.
- `quieting`: nothing is settled any more. A client that is writing when its stream ends reports
  INTERNAL, not the status (grpc/grpc#36066): so its input is dropped until it is quiet.
"""

from enum import Enum, auto


class State(Enum):
    """Where a client stream is."""

    NEW = auto()
    SILENT = auto()
    FINDING = auto()
    READING = auto()
    WAITING = auto()
    REFUSED = auto()
    FINISHING = auto()
    QUIETING = auto()
    ENDED = auto()


# Tuples: they are searched for the very object, which is faster than hashing it.
READS = (State.READING, State.SILENT, State.REFUSED, State.QUIETING)
"""The next message, or the end of the input, may come."""
OPEN = (State.READING, State.WAITING, State.SILENT, State.FINDING)
"""It may still be refused."""
COMPLETE = (State.REFUSED, State.FINISHING)
"""Nothing more is admitted."""
SETTLED = (State.NEW, State.QUIETING, State.ENDED)
"""Nothing is settled."""
