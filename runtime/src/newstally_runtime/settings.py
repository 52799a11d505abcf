"""Settings from flags and environment variables, checked once, at start."""

import sys
from collections.abc import Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, CliApp, SettingsConfigDict, SettingsError

from newstally_runtime.peers.ports import PortLimits

Port = Annotated[int, Field(ge=0, le=65535)]
"""A TCP port; 0 lets the system choose, and the log says which."""
PositiveSeconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""A length of time in seconds."""
PositiveCount = Annotated[int, Field(gt=0)]
"""A count, or a size in bytes."""


class ServiceSettings(BaseSettings):
    """What can be set on every service. A flag wins over its environment variable."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        cli_kebab_case=True,
        cli_implicit_flags=True,
        cli_avoid_json=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )

    host: str = "127.0.0.1"
    """Address the gRPC port listens on; 0.0.0.0 or [::] for every interface, IPv4 and IPv6."""
    port: Port = 0
    """gRPC port; 0 lets the system choose."""
    admin_host: str = "127.0.0.1"
    """Address the admin HTTP port listens on; as for the gRPC port."""
    admin_port: Port = 0
    """Port of /healthz, /readyz and /metrics; 0 lets the system choose."""
    drain: PositiveSeconds = 8.0
    """Seconds that SIGTERM leaves for settling what is under way."""
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
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least level that is logged."""
    log_format: Literal["json", "console"] = "json"
    """`json` for one object per line, `console` for people."""

    def port_limits(self) -> PortLimits:
        """Return the bounds of the gRPC port."""
        return PortLimits(self.max_connections, self.max_calls_per_connection, self.connection_idle)


S = TypeVar("S", bound=ServiceSettings)


def load(kind: type[S], argv: Sequence[str] | None = None) -> S:
    """Read the settings from `argv` (default: the command line) and the environment.

    A wrong setting ends the process with exit code 2 and one line per setting that names it.
    """
    try:
        return CliApp.run(kind, cli_args=list(sys.argv[1:] if argv is None else argv))
    except ValidationError as error:
        prefix = str(kind.model_config.get("env_prefix", ""))
        for problem in error.errors(include_url=False, include_input=False):
            name = ".".join(str(part) for part in problem["loc"]) or "settings"
            flag = "--" + name.replace("_", "-")
            print(f"{flag} ({prefix}{name.upper()}): {problem['msg']}", file=sys.stderr)  # noqa: T201
    except SettingsError as error:
        print(f"settings: {error}", file=sys.stderr)  # noqa: T201
    raise SystemExit(2)
