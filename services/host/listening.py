"""The listening socket of a server; errors name the settings of its address."""

from __future__ import annotations

import errno
import socket

from .loop_thread import StartError


class ListenError(StartError):
    """A server cannot have its address; the text says which, and the setting to change."""


class PortBusyError(ListenError):
    """Another program listens on the port."""


def listen(
    host: str, port: int, *, host_setting: str, port_setting: str, backlog: int = 128
) -> socket.socket:
    """Return a non-blocking socket that listens; blocks while the name of `host` is looked up.

    Args:
        host: an address of this machine, or a name of one.
        port: TCP port, 0 for any free one.
        host_setting: the setting that errors about `host` name.
        port_setting: the setting that errors about `port` name.
        backlog: connections that wait to be accepted.

    Raises:
        PortBusyError: the port is in use.
        ListenError: the address cannot be used.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no name"
        raise ListenError(
            f"{host_setting}={host} is not an address of this machine ({reason}); "
            "set it to an IP address such as 127.0.0.1."
        ) from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(address)
        listener.listen(backlog)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise _explained(error, host, port, host_setting, port_setting) from error
    return listener


def _explained(
    error: OSError, host: str, port: int, host_setting: str, port_setting: str
) -> ListenError:
    if error.errno == errno.EADDRINUSE:
        return PortBusyError(
            f"Port {port} on {host} is in use by another program; stop that program or set "
            f"{port_setting} to a free port."
        )
    if error.errno == errno.EACCES:
        return ListenError(
            f"No permission to listen on {host}:{port}; set {port_setting} to a port from 1024 up."
        )
    return ListenError(
        f"Cannot listen on {host}:{port} ({error.strerror}); check {host_setting} and "
        f"{port_setting}."
    )
