"""What can be set on the gateway."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal, Self

from newstally_protos.limits import CONTENT_LIMIT_BYTES
from newstally_protos.loopback import on_loopback
from newstally_protos.wire import EXTRACTOR_NAME, PERSISTER_NAME
from newstally_runtime.peers.ports import PortLimits
from newstally_runtime.settings import (
    Port,
    PositiveCount,
    PositiveSeconds,
    ServiceSettings,
    check_whole,
)
from newstally_runtime.tls.certificate import CertificateFiles
from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from newstally_gateway.core.clients.admission import charge_bytes
from newstally_gateway.replicas.targets import check_targets

KIB = 1024
MIB = 1024 * KIB


class GatewaySettings(ServiceSettings):
    """Flags, or environment variables with the prefix NEWSTALLY_GATEWAY_."""

    model_config = SettingsConfigDict(env_prefix="NEWSTALLY_GATEWAY_")

    port: Port = 50051
    """gRPC port; 0 lets the system choose."""
    admin_port: Port = 9101
    """Port of /healthz, /readyz and /metrics; 0 lets the system choose."""
    extractors: Annotated[str, AfterValidator(check_targets)] = "127.0.0.1:50052"
    """Where the extractors are: `host:port`, or `dns:///name:port` for every address behind a name
    (a headless Service); several separated by commas."""
    discovery_interval: PositiveSeconds = 2.0
    """Seconds between two look-ups of a `dns:///` name."""
    persister: Annotated[str, AfterValidator(lambda text: check_targets(text, names=False))] = (
        "127.0.0.1:50053"
    )
    """Where the persister is, as `host:port`."""
    tls_cert: Path | None = None
    """What the gateway shows its clients: its certificate, then those between it and the authority,
    as PEM; `--port` speaks TLS then. Read again when it changes, like its key."""
    tls_key: Path | None = None
    """The certificate's private key, as PEM without a password."""
    mtls_extractor: str = EXTRACTOR_NAME
    """The name that an extractor's certificate must have, where `mtls_cert` is set."""
    mtls_persister: str = PERSISTER_NAME
    """The name that the persister's certificate must have, where `mtls_cert` is set."""
    max_content_bytes: Annotated[int, Field(gt=0, le=CONTENT_LIMIT_BYTES)] = CONTENT_LIMIT_BYTES
    """Longest content in bytes of UTF-8; an article over it is refused."""
    memory_bytes: PositiveCount = 512 * MIB
    """What articles under way may take together, their results included; beyond it the gateway
    stops reading. It allows memory_bytes / (5 x max_content_bytes + 16 KiB) open streams."""
    article_timeout: PositiveSeconds = 120.0
    """Seconds a replica may work on a model batch, or be silent while it owes answers; then the
    link to it is broken, and its articles go to others."""
    trial_seconds: Annotated[float, Field(gt=0, le=300)] = 300.0
    """Seconds that all trials of an article may take which may have killed a replica: it is tried
    alone, again and again, ever further apart, until an answer or enough deaths clear it up."""
    batch_bytes: Annotated[int, Field(gt=0, le=2 * MIB)] = 256 * KIB
    """Results in bytes that close a batch. Summing a batch up keeps the event loop busy for about
    60 microseconds per KiB."""
    batch_age: PositiveSeconds = 0.25
    """Seconds after which a batch is closed, however small."""
    heartbeat: PositiveSeconds = 5.0
    """Seconds after which progress is sent again although nothing moved."""
    connection_age: PositiveSeconds = 3600.0
    """Seconds after which a client's connection is asked to end, and a stream to go on elsewhere,
    10 % more or less: so clients spread over new gateways."""
    write_timeout: PositiveSeconds = 60.0
    """Seconds a client may leave an event unread, with its flow control window full, before its
    stream is ended."""

    keys: Path | None = None
    """File of the keys that are let in (`newstally key new` makes it), read again when it changes.
    Without one everybody is let in."""
    reflection: Literal["open", "closed"] = "closed"
    """Who may ask which methods there are: `open`, everybody; `closed`, who is let in."""
    allow_anonymous: bool = False
    """Listen beyond this machine though no keys file says who is let in."""
    insecure: bool = False
    """Take keys beyond this machine though the port speaks no TLS: something in front ends it."""

    @property
    def port_certificate(self) -> CertificateFiles | None:
        """What clients are shown: nothing is asked of them."""
        if self.tls_cert is None or self.tls_key is None:
            return None
        return CertificateFiles(self.tls_cert, self.tls_key)

    @property
    def persister_on_loopback(self) -> bool:
        """Whether nobody but this machine reaches the persister, by its address."""
        return on_loopback(self.persister.rpartition(":")[0])

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        check_whole({"tls-cert": self.tls_cert, "tls-key": self.tls_key})
        return self

    @model_validator(mode="after")
    def _the_door_is_as_open_as_is_meant(self) -> Self:
        if self.on_loopback:
            return self
        if self.keys is None and not self.allow_anonymous:
            raise ValueError(
                f"--allow-anonymous: --host {self.host} lets everybody in who reaches it: say so"
                " with this flag, or with --keys FILE who may come (`newstally key new` makes one)"
            )
        if self.keys is not None and self.speaks_plain and not self.insecure:
            raise ValueError(
                f"--insecure: keys would come to --host {self.host} in plain text: let the port"
                " speak TLS (--tls-cert, --tls-key), or say with this flag that one in front does"
            )
        return self

    def port_limits(self) -> PortLimits:
        """Return the bounds of the gRPC port.

        The grace is for streams that began just before: they are asked to end at the same age.
        """
        age = self.connection_age
        return replace(super().port_limits(), age_seconds=age, grace_seconds=1.25 * age)

    @field_validator("memory_bytes")
    @classmethod
    def _holds_one_article(cls, value: int, info: ValidationInfo) -> int:
        largest = charge_bytes(info.data.get("max_content_bytes", 0))
        if value < largest:
            raise ValueError(
                f"must be at least {largest}, what one article of the largest size takes"
            )
        return value
