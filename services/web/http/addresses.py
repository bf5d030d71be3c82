"""Parses origins, hosts and networks from settings and requests."""

from __future__ import annotations

import ipaddress
import string
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

EVERY_ORIGIN: Final = "*"
"""Stands for every origin."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_NAME_CHARACTERS: Final = frozenset(string.ascii_lowercase + string.digits + "-._")
_INNER_DOMAINS: Final = (
    *("localhost", "local", "internal", "home.arpa", "svc"),
    *("corp", "home", "lan"),
)
"""Domains in which no name can be registered: the first by standard, the last because registrars do
not delegate them."""


class AddressError(ValueError):
    """A malformed address; the text says what it should look like."""


@dataclass(frozen=True, slots=True)
class Host:
    """The destination of a request, from its `Host` header or an origin."""

    name: str
    """In lower case; an IPv6 address without brackets."""
    port: int | None
    """None for the scheme's default."""

    @property
    def is_address(self) -> bool:
        """Whether it is an IP address, which involves no name server."""
        return _ip_address(self.name) is not None

    @property
    def is_inner(self) -> bool:
        """Whether no stranger's name server can decide where it resolves to."""
        name = self.name.rstrip(".")
        return (
            self.is_address
            or "." not in name
            or any(name.endswith(f".{domain}") for domain in _INNER_DOMAINS)
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a request, as a browser names it."""

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
    """Parse a host with or without a port, such as `localhost:8080` or `[::1]`.

    Raises:
        AddressError: it is malformed.
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
    """Parse an origin, such as `https://voice.example.com`.

    Raises:
        AddressError: it is malformed.
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
    """Parse a network, such as `10.0.0.0/8`, an address in it with its prefix, or one address.

    Raises:
        AddressError: it is malformed.
    """
    try:
        return ipaddress.ip_network(text.strip(), strict=False)
    except ValueError:
        raise AddressError(
            f"{text[:80]!r} is not an IP address or a network such as 10.0.0.0/8"
        ) from None


def without_password(address: str) -> str:
    """Mask the user and password of a URL, so that it may be shown."""
    secret = _before_at(address)
    return address.replace(f"{secret}@", "***@", 1) if secret else address


def password_in(address: str) -> str:
    """Return the password in a URL, empty if it has none."""
    return _before_at(address).partition(":")[2]


def _before_at(address: str) -> str:
    place = address.partition("://")[2].partition("/")[0]
    return place.rpartition("@")[0]


def is_loopback(name: str) -> bool:
    """Whether a host name or address means this machine."""
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
