"""Who may connect, and under which addresses the server is reached."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

import psutil

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_allowed(address: str, allowed: Sequence[Network]) -> bool:
    """Whether a client with this address may connect; anybody where no network is named."""
    if not allowed:
        return True
    found = _parsed(address)
    return found is not None and any(found in network for network in allowed)


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches a socket that is bound to this address."""
    found = _parsed(address)
    return found is not None and found.is_loopback


def reachable_addresses(bound: str) -> list[str]:
    """Return the addresses under which others reach a socket that is bound to `bound`.

    Those of all interfaces where it is bound to all of them, without loopback.
    """
    found = _parsed(bound)
    if found is None:
        return []
    if not found.is_unspecified:
        return [str(found)]
    addresses = [
        _parsed(entry.address) for entries in psutil.net_if_addrs().values() for entry in entries
    ]
    return [
        str(address)
        for address in addresses
        if address is not None
        and address.version == found.version
        and not address.is_loopback
        and not address.is_link_local
    ]


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
