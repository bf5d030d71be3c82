"""A network of two ends, whose wire can be cut and mended; needs root and iproute2."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

HERE = "198.51.100.1"
THERE = "198.51.100.2"
"""These addresses are reserved for documentation."""

_NOBODY = "02:00:00:00:00:01"
"""A network card that there is not."""


@dataclass(frozen=True, slots=True)
class Wire:
    """From this process's network to a namespace that has nothing but the other end of the wire."""

    namespace: str
    interface: str

    @property
    def through(self) -> tuple[str, ...]:
        """The command that runs the one after it at the other end."""
        return (_program("ip"), "netns", "exec", self.namespace)

    def cut(self) -> None:
        """From now on whatever either end sends, over any protocol, gets lost without a sign."""
        self._at_both("replace", "lladdr", _NOBODY, "nud", "permanent")

    def mend(self) -> None:
        """Undo the cut."""
        self._at_both("delete")

    def _at_both(self, do: str, *more: str) -> None:
        _ip("neighbour", do, THERE, "dev", self.interface, *more)
        _ip("-n", self.namespace, "neighbour", do, HERE, "dev", self.interface, *more)


@contextmanager
def wire() -> Iterator[Wire]:
    """Make the network; it goes with the block, and whatever runs at the other end loses it."""
    name = f"wire{os.getpid() % 100_000}{secrets.token_hex(1)}"
    wire = Wire(namespace=name, interface=name)
    _ip("netns", "add", name)
    try:
        _ip("link", "add", name, "type", "veth", "peer", "name", name, "netns", name)
        for where, address in ((), HERE), (("-n", name), THERE):
            _ip(*where, "address", "add", f"{address}/30", "dev", name)
            _ip(*where, "link", "set", name, "up")
        _ip("-n", name, "link", "set", "lo", "up")
        yield wire
    finally:
        _ip("netns", "delete", name)


def _ip(*arguments: str) -> None:
    subprocess.run([_program("ip"), *arguments], check=True)


def _program(name: str) -> str:
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        raise RuntimeError(f"{name} is missing: install iproute2")
    return found
