"""Origins, hosts and networks as settings and requests write them, read without surprises."""

from __future__ import annotations

import ipaddress
import string
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERY_ORIGIN: Final = "*"
"""In place of an origin: all of them."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAME_CHARACTERS: Final = frozenset(string.ascii_lowercase + string.digits + "-._")
_INNER_DOMAINS: Final = (
    *("localhost", "local", "internal", "home.arpa", "svc"),
    *("corp", "home", "lan"),
)
"""Below these nobody can register a name that resolves to where they like: the first by rule, the
last since they are kept from being given out."""


class AddressError(ValueError):
    """What was written is none; the text says what it should be."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where a request is sent to, as its `Host` header or an origin says."""

    name: str
    """In lower case; an IPv6 address without brackets."""
    port: int | None
    """None where it is the scheme's own."""

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address, which no name server can change."""
        return _ip_address(self.name) is not None

    @property
    def is_inner(self) -> bool:
        """Whether no stranger's name server can say where it leads."""
        name = self.name.rstrip(".")
        return (
            self.is_address
            or "." not in name
            or any(name.endswith(f".{domain}") for domain in _INNER_DOMAINS)
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """What a browser names as the source of a request."""

    scheme: str
    host: Host

    def __str__(self) -> str:
        name = f"[{self.host.name}]" if ":" in self.host.name else self.host.name
        port = "" if self.host.port is None else f":{self.host.port}"
        return f"{self.scheme}://{name}{port}"

    def is_at(self, host: Host) -> bool:
        """Whether a request to `host` from this origin stays on its own site."""
        default = _DEFAULT_PORTS[self.scheme]
        return self.host.name == host.name and (self.host.port or default) == (host.port or default)


def read_host(text: str) -> Host:
    """A host with or without a port, such as `localhost:8080` or `[::1]`.

    Raises:
        AddressError: it is none.
    """
    try:
        parts = urlsplit(f"//{text.strip()}")
        name, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        name, port, parts = "", None, urlsplit("")
    named = bool(name) and set(name) <= _NAME_CHARACTERS
    extra = parts.path or parts.query or parts.fragment or parts.username is not None
    if extra or not (named or (":" in name and _ip_address(name))):
        raise AddressError(f"{text[:80]!r} is not a host such as voice.example.com:8080")
    return Host(name, port)


def read_origin(text: str) -> Origin:
    """An origin, such as `https://voice.example.com`.

    Raises:
        AddressError: it is none.
    """
    scheme, found, rest = text.strip().lower().partition("://")
    try:
        host = read_host(rest.removesuffix("/"))
    except AddressError:
        found = ""
    if not found or scheme not in _DEFAULT_PORTS:
        raise AddressError(f"{text[:80]!r} is not an origin such as https://voice.example.com")
    if host.port == _DEFAULT_PORTS[scheme]:
        host = Host(host.name, None)
    return Origin(scheme, host)


def read_network(text: str) -> Network:
    """A network, such as `10.0.0.0/8`, an address of it with its length, or one address.

    Raises:
        AddressError: it is none.
    """
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise AddressError(
            f"{text[:80]!r} is not an IP address or a network such as 10.0.0.0/8"
        ) from None


def without_password(address: str) -> str:
    """A URL as it may be shown: what stands before the `@` is masked."""
    secret = _before_at(address)
    return address.replace(f"{secret}@", "***@", 1) if secret else address


def password_in(address: str) -> str:
    """The password that stands in a URL; empty where none does."""
    return _before_at(address).partition(":")[2]


def _before_at(address: str) -> str:
    place = address.partition("://")[2].partition("/")[0]
    return place.rpartition("@")[0]


def is_loopback(name: str) -> bool:
    """Whether a host name or address is this machine itself."""
    name = name.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    address = _ip_address(name)
    return address is not None and address.is_loopback


def _ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
