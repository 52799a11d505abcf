"""What can be set on the persister."""

from pathlib import Path
from typing import Annotated, Literal

from newstally_runtime.settings import InnerSettings, Port, PositiveCount, PositiveSeconds
from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import SettingsConfigDict

from newstally_persister.flushing.backlog import FlushLimits
from newstally_persister.sinks.sqlite_schema import MAX_BYTES
from newstally_persister.values.uploads import UPLOADS_PER_DAY

SQLITE_AGE_SECONDS = 1.0
FIRESTORE_AGE_SECONDS = 5.0
FIRESTORE_WINDOW_SECONDS = 60.0
"""Where the curve in docs/firestore.md gets flat: ten times as long saves a third of the writes."""


class PersisterSettings(InnerSettings):
    """Keeps tallies durably in a journal and moves them to the sink, each article exactly once.

    With a command as the first argument, something is done to the store instead; each has a --help.

    upgrade-store       lead a SQLite store of 0.2.0 to the form of this release
    downgrade-store     lead it back
    migrate-store       lead a Firestore database to the other layout
    merge-publications  show publications of Firestore that are one, and merge them
    empty-store         delete every tally, and forget every upload
    set-aside           list rows that the sink refuses, and have them tried again

    While set-aside is used the persister runs; for the others it must be stopped.
    """

    model_config = SettingsConfigDict(
        env_prefix="NEWSTALLY_PERSISTER_", cli_prog_name="newstally-persister"
    )

    own_services = frozenset({"newstally.v1.SetAsideService"})

    port: Port = 50053
    """gRPC port; 0 lets the system choose."""
    admin_port: Port = 9103
    """Port of /healthz, /readyz and /metrics; 0 lets the system choose."""
    max_calls: PositiveCount = 1000
    """Unary calls of one gRPC service that are worked on at once: gateways record a batch for each
    of their streams. Others wait, and connections take turns."""
    max_calls_per_connection: PositiveCount = 1000
    """Calls that one connection may carry at once: a gateway has one connection for all."""
    data_dir: Path
    """Directory of the journal, made when missing. What was acknowledged lives here: it must
    survive, and one persister alone uses it."""
    sink: Literal["sqlite", "firestore"] = "sqlite"
    """Where tallies live: `sqlite`, in a file, or `firestore`, in Cloud Firestore."""
    sqlite_path: Path | None = None
    """File of the sqlite sink; by default tallies.db in the data directory."""
    sqlite_max_bytes: Annotated[int, Field(ge=16 * 1024**2)] = MAX_BYTES
    """How large that file may get."""
    firestore_project: str | None = None
    """Project of the firestore sink; by default the one that Google's libraries find."""
    firestore_database: str = "(default)"
    """Database of the firestore sink."""
    firestore_layout: Literal["documents", "compact"] = "documents"
    """How tallies stand in Firestore: `documents`, one for each entity, or `compact`, many
    entities in one. A database keeps the layout that it was begun with."""
    firestore_list_seconds: PositiveSeconds = 15.0
    """A list of a compact database is written again after so many seconds at the earliest."""
    firestore_part_writes: Annotated[int, Field(ge=1, le=5_000)] = 1_000
    """Most writes in one commit to Firestore; its size is bounded besides."""
    firestore_parts_in_flight: Annotated[int, Field(ge=1, le=64)] = 4
    """Commits to Firestore under way at a time."""
    days_kept: Annotated[int, Field(ge=1, le=366)] = 62
    """Days for which Firestore tells tallies by day; older ones are told by month. SQLite tells
    all by day."""
    firestore_ramp: Annotated[int, Field(ge=0)] = 0
    """Writes per second to begin with, half as many more every 5 minutes; 0: no ramp. Google
    advises 500 for new collections."""
    flush_age: PositiveSeconds | None = None
    """Seconds that a trickle waits before its tallies move to the sink, and that a flood waits for
    more after its last article; by default 5 for firestore, and 1 for sqlite."""
    flush_window: PositiveSeconds | None = None
    """Seconds that a flood's oldest article may wait, so that an entity is written once for many
    articles; by default 60 for firestore, and `flush_age` for sqlite."""
    flush_rows: PositiveCount = 500_000
    """Changed tallies that may wait before they move to the sink."""
    receipt_days: PositiveCount = 7
    """Days that the sink keeps the receipts of complete flushes."""
    uploads_per_day: PositiveCount = UPLOADS_PER_DAY
    """Uploads that one owner may make in a day (UTC); each is kept for ever."""
    journal_max_bytes: PositiveCount = 4 * 1024**3
    """Disk that the journal may use; near it, gateways are told to wait."""
    journal_headroom_bytes: Annotated[int, Field(ge=16 * 1024**2)] = 256 * 1024**2
    """Of the disk and of the journal's bytes, what intake leaves for flushes and the write-ahead
    log."""

    @property
    def sqlite_file(self) -> Path:
        """File of the sqlite sink."""
        return self.sqlite_path or self.data_dir / "tallies.db"

    @property
    def shares_disk(self) -> bool:
        """Whether the sink takes its room from the journal's file system. The directory exists."""
        try:
            return self.sink == "sqlite" and (
                self.sqlite_file.parent.stat().st_dev == self.data_dir.stat().st_dev
            )
        except FileNotFoundError:
            return False  # the sink will say so

    @property
    def flush_limits(self) -> FlushLimits:
        """When to flush."""
        firestore = self.sink == "firestore"
        age = self.flush_age or (FIRESTORE_AGE_SECONDS if firestore else SQLITE_AGE_SECONDS)
        window = self.flush_window or (FIRESTORE_WINDOW_SECONDS if firestore else age)
        return FlushLimits(
            age_seconds=age,
            rows=self.flush_rows,
            window_seconds=window,
        )

    @field_validator("journal_headroom_bytes")
    @classmethod
    def _leaves_room(cls, headroom: int, info: ValidationInfo) -> int:
        most = info.data.get("journal_max_bytes")
        if most is not None and most < 2 * headroom:
            raise ValueError("must be at most half of journal_max_bytes")
        return headroom
