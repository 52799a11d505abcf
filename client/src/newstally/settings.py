"""What can be set on a client, with the defaults."""

from dataclasses import dataclass, field
from pathlib import Path

LARGEST_MESSAGE_BYTES = 2 * 1024 * 1024
"""No message that this library sends is larger; see `newstally._gateway.encoding`."""


@dataclass(frozen=True, slots=True)
class Access:
    """How a gateway is reached."""

    ca: Path | bytes | None = None
    """The authorities that may vouch for the gateway's certificate, as PEM or a file of it. None,
    and TLS all the same: the public ones that gRPC brings along."""
    tls: bool | None = None
    """Whether over TLS. None: if there is a `ca`. False lets a key go in plain text, too."""
    key: str | None = field(default=None, repr=False)
    """What is shown with every call, `ID.SECRET`; None: nothing."""

    @property
    def over_tls(self) -> bool:
        """Whether TLS is spoken."""
        return self.ca is not None if self.tls is None else self.tls

    def __post_init__(self) -> None:
        if self.tls is False and self.ca is not None:
            raise ValueError("Access.ca is of no use without TLS")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How patient a client is. All times are seconds."""

    first_delay: float = 0.1
    """Delay after the first failure, before jitter; it doubles with each failure in a row."""
    longest_delay: float = 10.0
    """The delay does not grow beyond this (a delay that the gateway asks for may be longer)."""
    give_up_after: float | None = None
    """Raise GaveUp when nothing has moved for this long; above 0. None: never."""
    call_timeout: float = 15.0
    """Deadline of one try of a unary call."""
    event_timeout: float = 20.0
    """A stream on which no event came for this long is taken for dead. A gateway sends one at
    least every 5 s."""

    def __post_init__(self) -> None:
        if self.give_up_after is not None and not self.give_up_after > 0:  # nan is refused, too
            raise ValueError("RetryPolicy.give_up_after must be above 0")


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """How much an upload keeps in memory: what was read from the input and is not yet settled."""

    articles: int = 2048
    """At most this many articles."""
    size_bytes: int = 16 * 1024 * 1024
    """At most this many bytes of messages."""

    def __post_init__(self) -> None:
        if self.articles < 1:
            raise ValueError("WindowLimits.articles must be at least 1")
        if self.size_bytes < LARGEST_MESSAGE_BYTES:
            raise ValueError(f"WindowLimits.size_bytes must be at least {LARGEST_MESSAGE_BYTES}")
