"""What can be set on the dashboard."""

from pathlib import Path
from typing import Literal, Self

from newstally.client import DEFAULT_TARGET
from newstally_protos.loopback import on_loopback
from newstally_runtime.settings import Port, PositiveCount, PositiveSeconds, ProcessSettings
from pydantic import model_validator
from pydantic_settings import SettingsConfigDict

MIB = 1024 * 1024
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""Under which a browser on this machine may ask."""


class DashboardSettings(ProcessSettings):
    """Flags, or environment variables with the prefix NEWSTALLY_DASHBOARD_."""

    model_config = SettingsConfigDict(env_prefix="NEWSTALLY_DASHBOARD_")

    host: str = "127.0.0.1"
    """Address that the pages are served on; 0.0.0.0 or [::] for every interface. Whoever reaches it
    may read: it asks nobody for a key."""
    port: Port = 8080
    """HTTP port of the pages; 0 lets the system choose."""
    admin_port: Port = 9104
    """Port of /healthz, /readyz and /metrics; 0 lets the system choose."""
    names: str = ""
    """Names, separated by commas, under which browsers reach it besides this machine's own, without
    port; requests for others are turned away, so that no foreign page reads along (DNS rebinding).
    """
    gateway: str = DEFAULT_TARGET
    """The gateway, as `host:port`."""
    ca: Path | None = None
    """Speak TLS, and believe the gateway whose certificate is of this authority (PEM). Read again
    when it changes, like the key."""
    tls: Literal["auto", "on", "off"] = "auto"
    """`auto`: TLS if there is a CA; `on`: with public authorities, too; `off`: a key goes in plain
    text."""
    key_file: Path | None = None
    """File of the key that the gateway wants. Scope `read` is enough; uploads are shown of its
    owner."""
    max_connections: PositiveCount = 200
    """Connections of browsers at once; beyond it they are answered 503."""
    max_calls: PositiveCount = 4
    """Calls to the gateway at once, so that readers do not hold up uploads."""
    max_waiting: PositiveCount = 100
    """Calls that may wait for that; beyond it a section says that too many ask."""
    call_timeout: PositiveSeconds = 8.0
    """Seconds that a call may take, waiting included."""
    cache_seconds: PositiveSeconds = 5.0
    """Seconds that an answer is used again; those about all publications ten times as long."""
    cache_bytes: PositiveCount = 32 * MIB
    """What such answers may take, as messages."""

    @property
    def allowed_names(self) -> frozenset[str]:
        """Names that a request may be for, in lower case."""
        given = {name.strip().lower() for name in self.names.split(",")}
        return frozenset({*LOOPBACK_NAMES, *filter(None, given)})

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine reaches it."""
        return on_loopback(self.host)

    @model_validator(mode="after")
    def _others_know_its_name(self) -> Self:
        if not self.on_loopback and not self.names.strip():
            raise ValueError(
                f"--names: with --host {self.host} say under which names browsers reach it, for"
                " example newstally.example.org"
            )
        if self.ca is not None and self.tls == "off":
            raise ValueError("--ca is of no use with --tls off")
        return self
