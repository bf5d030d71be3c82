from __future__ import annotations

import ipaddress

import pytest

from services.wyoming.addresses import is_allowed, is_loopback, reachable_addresses

HOME = [ipaddress.ip_network("192.168.1.0/24"), ipaddress.ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("address", "allowed"),
    [
        ("192.168.1.7", True),
        ("::ffff:192.168.1.7", True),
        ("192.168.2.7", False),
        ("fd00::5%eth0", True),
        ("2001:db8::1", False),
        ("", False),
        ("nonsense", False),
    ],
)
def test_only_named_networks_are_allowed(address: str, allowed: bool) -> None:
    assert is_allowed(address, HOME) is allowed
    assert is_allowed(address, [])


def test_a_server_on_loopback_is_reached_by_nobody_else() -> None:
    assert [is_loopback(a) for a in ("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "10.0.0.1")] == [
        *(True, True, True),
        *(False, False),
    ]


def test_a_server_on_all_interfaces_is_reached_at_each_but_loopback() -> None:
    assert reachable_addresses("10.1.2.3") == ["10.1.2.3"]
    for bound, version in (("0.0.0.0", 4), ("::", 6)):
        found = [ipaddress.ip_address(address) for address in reachable_addresses(bound)]
        assert all(a.version == version and not a.is_loopback for a in found)
