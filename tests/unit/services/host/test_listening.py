"""The listening socket of a server: which addresses it has, and what its errors say."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from services.host.listening import ListenError, PortBusyError, listen

pytestmark = pytest.mark.unit


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


IPV6 = _has_ipv6()
SETTINGS: dict[str, Any] = {"host_setting": "SOME_HOST", "port_setting": "SOME_PORT"}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", *(["::1"] if IPV6 else [])])
def test_connections_are_accepted(host: str) -> None:
    with listen(host, 0, **SETTINGS) as listener:
        port = listener.getsockname()[1]
        near = "127.0.0.1" if host == "0.0.0.0" else host
        with socket.create_connection((near, port)):
            assert not listener.getblocking()


def test_a_busy_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortBusyError, match=f"Port {port} on 127.0.0.1 .*SOME_PORT"):
            listen("127.0.0.1", port, **SETTINGS)


def test_each_version_of_ip_has_a_port_once() -> None:
    with listen("0.0.0.0", 0, **SETTINGS) as first:
        port = first.getsockname()[1]
        if IPV6:
            listen("::", port, **SETTINGS).close()
        with pytest.raises(PortBusyError):
            listen("0.0.0.0", port, **SETTINGS)


@pytest.mark.parametrize("host", ["nowhere.invalid", "no such host", "two..dots", "a" * 70])
def test_a_name_that_is_no_address_names_its_setting(host: str) -> None:
    with pytest.raises(ListenError, match=f"SOME_HOST={host} is not an address"):
        listen(host, 0, **SETTINGS)


def test_an_address_of_another_machine_names_both_settings() -> None:
    with pytest.raises(ListenError, match="SOME_HOST and SOME_PORT"):
        listen("203.0.113.7", 0, **SETTINGS)
