"""What can be set on the persister."""

from pathlib import Path
from typing import Literal, Self

from newstally_runtime.settings import Port, PositiveCount, PositiveSeconds, ServiceSettings
from pydantic import model_validator
from pydantic_settings import SettingsConfigDict


class PersisterSettings(ServiceSettings):
    """Keeps tallies durably in a journal and moves them to the sink, each article exactly once."""

    model_config = SettingsConfigDict(env_prefix="NEWSTALLY_PERSISTER_")

    port: Port = 50053
    """gRPC port; 0 lets the system choose."""
    data_dir: Path
    """Directory of the journal, made when missing. What was acknowledged lives here: it must
    survive, and one persister alone uses it."""
    sink: Literal["sqlite"] = "sqlite"
    """Where tallies live: `sqlite`, in a file."""
    sqlite_path: Path | None = None
    """File of the sqlite sink; by default tallies.db in the data directory."""
    flush_age: PositiveSeconds = 1.0
    """Seconds that a settled article may wait before its tallies move to the sink."""
    flush_rows: PositiveCount = 50_000
    """Changed tallies that may wait before they move to the sink."""
    receipt_days: PositiveCount = 7
    """Days that the sink keeps the receipts of complete flushes."""
    journal_max_bytes: PositiveCount = 4 * 1024**3
    """Disk that the journal may use; near it, gateways are told to wait."""
    journal_headroom_bytes: PositiveCount = 256 * 1024**2
    """Of the disk and of the journal's bytes, what intake leaves for flushes and the write-ahead
    log."""

    @model_validator(mode="after")
    def _headroom_fits(self) -> Self:
        if self.journal_max_bytes < 2 * self.journal_headroom_bytes:
            raise ValueError("journal_max_bytes must be at least twice journal_headroom_bytes")
        return self
