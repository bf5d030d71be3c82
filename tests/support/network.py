"""Where the Python code of this process connects to, and which names it looks up."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_watched: list[set[tuple[str, int]]] = []
_installed = False


@contextmanager
def destinations() -> Iterator[set[tuple[str, int]]]:
    """Host and port of each connection and look-up from here on, of all threads.

    Native code, such as WebRTC, is not seen.
    """
    global _installed
    if not _installed:
        # A hook stays for good, so there is one that does nothing while nobody watches.
        sys.addaudithook(_on_event)
        _installed = True
    found: set[tuple[str, int]] = set()
    _watched.append(found)
    try:
        yield found
    finally:
        _watched.remove(found)


def _on_event(event: str, arguments: tuple[Any, ...]) -> None:
    if not _watched:
        return
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        _note(arguments[1][0], arguments[1][1])
    elif event == "socket.getaddrinfo":
        _note(arguments[0], arguments[1])


def _note(host: object, port: object) -> None:
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    for found in _watched:
        found.add((name, int(port) if isinstance(port, int | str) and str(port).isdigit() else 0))
