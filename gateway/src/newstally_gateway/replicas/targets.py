"""Addresses as they are written in the settings."""

from dataclasses import dataclass

DNS_PREFIX = "dns:///"
HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """One entry of `--extractors`."""

    host: str
    """A name, an IPv4 address, or an IPv6 address without brackets."""
    port: int
    is_name: bool
    """True: stands for every address that `host` resolves to."""

    @property
    def address(self) -> str:
        """`host:port` as gRPC takes it."""
        return join(self.host, self.port)


def join(host: str, port: int) -> str:
    """Return `host:port`, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def parse_targets(text: str) -> tuple[Target, ...]:
    """Read a comma separated list of `host:port` and `dns:///name:port`.

    Raises ValueError that quotes the entry which is none of them, or if there is no entry.
    """
    targets = tuple(_parse(entry) for entry in map(str.strip, text.split(",")) if entry)
    if not targets:
        raise ValueError("names no address")
    return targets


def check_targets(text: str, *, names: bool = True) -> str:
    """Return `text` if it can be parsed; without `names` it must be exactly one `host:port`."""
    targets = parse_targets(text)
    if not names and (len(targets) != 1 or targets[0].is_name):
        raise ValueError("must be one host:port")
    return text


def _parse(entry: str) -> Target:
    is_name = entry.startswith(DNS_PREFIX)
    host, colon, port = entry.removeprefix(DNS_PREFIX).rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    well_formed = (
        colon
        and host
        and "/" not in host
        and (bracketed or ":" not in host)
        and port.isascii()
        and port.isdigit()
        and 0 < int(port) <= HIGHEST_PORT
    )
    if not well_formed:
        raise ValueError(f"{entry!r} is neither host:port nor dns:///name:port")
    return Target(host, int(port), is_name)
