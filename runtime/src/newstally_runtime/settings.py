"""Settings from flags and environment variables, checked once, at start."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self, TypeVar, get_args

from newstally_protos.loopback import on_loopback
from newstally_protos.wire import GATEWAY_NAME
from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict, SettingsError

from newstally_runtime.peers.ports import PortLimits
from newstally_runtime.tls.certificate import CertificateFiles

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose, and the log says which."""
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A length of time in seconds."""
PositiveCount = Annotated[int, Field(gt=0)]
"""A count, or a size in bytes."""


class ProcessSettings(BaseSettings):
    """What can be set on every process. A flag wins over its environment variable."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )

    @field_validator("*", mode="before")
    @classmethod
    def _name_a_path(cls, value: object, info: ValidationInfo) -> object:
        """Refuse an empty path, which would be the current directory: a variable was not set."""
        kind = cls.model_fields[str(info.field_name)].annotation
        if value == "" and Path in (kind, *get_args(kind)):
            raise ValueError("is empty: name a path, or leave it out")
        return value

    admin_host: str = "127.0.0.1"
    """Address the admin HTTP port listens on; 0.0.0.0 or [::] for every interface."""
    admin_port: Port = 0
    """Port of /healthz, /readyz and /metrics; 0 lets the system choose."""
    drain: PositiveSeconds = 8.0
    """Seconds that SIGTERM leaves for finishing what is under way."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    log_format: Literal["json", "console"] = "json"
    """`json` for one object per line, `console` for people."""


class ServiceSettings(ProcessSettings):
    """What can be set on every service that listens for gRPC."""

    host: str = "127.0.0.1"
    """Address the gRPC port listens on; 0.0.0.0 or [::] for every interface, IPv4 and IPv6."""
    port: Port = 0
    """gRPC port; 0 lets the system choose."""
    plain_port: Port | None = None
    """A second gRPC port, without TLS, while the first one has certificates and speaks TLS: for the
    time until all that call have changed over. As open as the first one is without certificates."""
    mtls_cert: Path | None = None
    """What this service shows the others: its certificate, then those between it and the authority,
    as PEM. Read again when it changes, like its key and the authorities."""
    mtls_key: Path | None = None
    """The certificate's private key, as PEM without a password."""
    mtls_ca: Path | None = None
    """Authorities whose certificates of other services are believed, as PEM."""
    max_connections: PositiveCount = 500
    """Connections to the gRPC port that may stay; beyond it who was silent for longest has to go.
    Never so many that file descriptors run out."""
    max_calls_per_connection: PositiveCount = 100
    """Calls that one connection may carry at once."""
    max_calls: PositiveCount = 32
    """Unary calls of one gRPC service that are worked on at once; others wait, and connections take
    turns. As many may be received, and as many answered, at the same time."""
    call_timeout: PositiveSeconds = 10.0
    """Seconds in which a unary call's request must have come whole, and its answer been read."""
    connection_idle: PositiveSeconds = 300.0
    """Seconds after which a connection without calls is closed."""

    def port_limits(self) -> PortLimits:
        """Return the bounds of the gRPC port."""
        return PortLimits(self.max_connections, self.max_calls_per_connection, self.connection_idle)

    own_services: ClassVar[frozenset[str]] = frozenset()
    """gRPC services that peers may call, too, whose certificate names this service itself."""

    @property
    def callers(self) -> frozenset[str]:
        """Names of which a peer's certificate must have one to call; empty: none is asked of it."""
        return frozenset()

    @property
    def mtls(self) -> CertificateFiles | None:
        """What this service shows the others, and believes of them."""
        if self.mtls_cert is None or self.mtls_key is None or self.mtls_ca is None:
            return None
        return CertificateFiles(self.mtls_cert, self.mtls_key, self.mtls_ca)

    @property
    def port_certificate(self) -> CertificateFiles | None:
        """What the gRPC port shows; None: it does not speak TLS."""
        return self.mtls

    @property
    def speaks_plain(self) -> bool:
        """Whether a gRPC port does without TLS."""
        return self.port_certificate is None or self.plain_port is not None

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine reaches the gRPC ports."""
        return on_loopback(self.host)

    @model_validator(mode="after")
    def _certificates_are_whole(self) -> Self:
        given = {"mtls-cert": self.mtls_cert, "mtls-key": self.mtls_key, "mtls-ca": self.mtls_ca}
        check_whole(given)
        if self.plain_port is not None and self.port_certificate is None:
            raise ValueError("--plain-port: without certificates --port is plain")
        return self


class InnerSettings(ServiceSettings):
    """What can be set on the services that nobody but gateways call."""

    mtls_gateways: str = GATEWAY_NAME
    """Names, separated by commas, of which a gateway's certificate must have one, exactly."""

    @property
    def callers(self) -> frozenset[str]:
        """The names of `mtls_gateways`."""
        return frozenset(filter(None, map(str.strip, self.mtls_gateways.split(","))))

    @model_validator(mode="after")
    def _somebody_may_call(self) -> Self:
        if not self.callers:
            raise ValueError("--mtls-gateways: names nobody")
        return self


def check_whole(given: dict[str, Path | None]) -> None:
    """Raise ValueError if some of these flags are given and others are not."""
    missing = [f"--{flag}" for flag, path in given.items() if path is None]
    if missing and len(missing) < len(given):
        names = ", ".join(f"--{flag}" for flag in given)
        raise ValueError(f"{' and '.join(missing)}: missing; {names} belong together")


S = TypeVar("S", bound=ProcessSettings)


def load(kind: type[S], argv: Sequence[str] | None = None) -> S:
    """Read the settings from `argv` (default: the command line) and the environment.

    A wrong setting ends the process with exit code 2 and one line per setting that names it.
    """
    try:
        return CliApp.run(kind, cli_args=list(sys.argv[1:] if argv is None else argv))
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for problem in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in problem["loc"])
            flag = f"--{name.replace('_', '-')} ({prefix}{name.upper()}): " if name else ""
            print(f"{flag}{problem['msg']}", file=sys.stderr)  # noqa: T201
    except SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)
