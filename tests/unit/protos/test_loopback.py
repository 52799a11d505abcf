"""Which hosts are this machine."""

import pytest
from newstally_protos.loopback import on_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost"])
def test_what_nobody_else_reaches(host: str) -> None:
    """All of 127.0.0.0/8, the one address of IPv6, and the name that everybody has for them."""
    assert on_loopback(host)


@pytest.mark.parametrize(
    "host",
    ["0.0.0.0", "[::]", "", "10.0.0.1", "localhost.example.org", "127.0.0.1.example.org", "127.1"],
)
def test_what_others_may_reach(host: str) -> None:
    """Every interface, other machines, and names that only begin so."""
    assert not on_loopback(host)
