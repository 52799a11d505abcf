"""What can be set on the persister."""

from pathlib import Path
from typing import Annotated, Literal

from newstally_runtime.settings import Port, PositiveCount, PositiveSeconds, ServiceSettings
from pydantic import Field, ValidationInfo, field_validator
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
    journal_headroom_bytes: Annotated[int, Field(ge=16 * 1024**2)] = 256 * 1024**2
    """Of the disk and of the journal's bytes, what intake leaves for flushes and the write-ahead
    log."""

    @field_validator("journal_headroom_bytes")
    @classmethod
    def _leaves_room(cls, headroom: int, info: ValidationInfo) -> int:
        most = info.data.get("journal_max_bytes")
        if most is not None and most < 2 * headroom:
            raise ValueError("must be at most half of journal_max_bytes")
        return headroom
