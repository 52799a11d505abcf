"""Which hosts are this machine, and nobody else reaches."""

import ipaddress


def on_loopback(host: str) -> bool:
    """Return whether a host is on the loopback interface; an address of IPv6 may be in brackets.

    Of names only `localhost` is: what another one leads to may change.
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
