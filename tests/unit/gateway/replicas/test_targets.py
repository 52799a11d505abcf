"""Addresses as they are written in the settings."""

import pytest
from newstally_gateway.replicas.targets import Target, parse_targets


def test_static_addresses_and_names_may_be_mixed() -> None:
    """host:port is one replica, dns:///name:port all addresses behind a name."""
    assert parse_targets("a:1, dns:///extractor.news:2 ,10.0.0.1:3") == (
        Target("a", 1, is_name=False),
        Target("extractor.news", 2, is_name=True),
        Target("10.0.0.1", 3, is_name=False),
    )


def test_ipv6_addresses_stand_in_brackets() -> None:
    """Both ways: as read and as gRPC takes it."""
    (target,) = parse_targets("[::1]:50052")
    assert target.host == "::1"
    assert target.address == "[::1]:50052"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " , ",
        "a",
        ":1",
        "a:",
        "a:0",
        "a:65536",
        "a:x",
        "a:٣",
        "::1:5",
        "http://a:1",
        "dns://a:1",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """A typing error must not become a replica that is never there."""
    with pytest.raises(ValueError, match=r"neither|names no"):
        parse_targets(text)
