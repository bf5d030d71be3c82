"""Runs a module where everything that is sent beyond loopback is counted and reaches nobody.

As a program it is the inside: it makes the network of the namespace that it was started in, then
runs the module. Its network has loopback and one interface with an address and the default route,
whose wire ends in the same namespace, where nobody listens. Linux only; needs root or user
namespaces for everybody.
"""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
INTERFACE = "outside"
FAR_END = "nowhere"
ADDRESS = "198.51.100.2/24"
GATEWAY = "198.51.100.1"
NAME_SERVER = "203.0.113.53"
"""These addresses are reserved for documentation."""

_NAMESPACES = ("--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child")
_PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp"}
_ALL_PROTOCOLS = 0x0003
_IPV4 = 0x0800
_DNS = 53
_LISTEN_SECONDS = 0.1


async def run_isolated(module: str, *arguments: str, timeout_seconds: float) -> dict[str, Any]:
    """What `module` prints as JSON in its last line; whatever it started is gone afterwards."""
    as_root = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    process = await asyncio.create_subprocess_exec(
        *("unshare", *as_root, *_NAMESPACES, sys.executable, "-m", __name__, module, *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(), timeout_seconds)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = output.decode(errors="replace")
    assert process.returncode == 0, (
        f"{module} failed in its namespace:\n{said}{errors.decode(errors='replace')}"
    )
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


class Outside:
    """What was sent beyond loopback since it began to watch."""

    def __init__(self) -> None:
        self._before = _packets_sent()
        self._destinations: list[str] = []

    @property
    def packets(self) -> int:
        """By the interface's own count."""
        return _packets_sent() - self._before

    @property
    def destinations(self) -> list[str]:
        """Where to, such as `udp 203.0.113.53:53 example.com`, each once."""
        return list(dict.fromkeys(self._destinations))

    def watch(self, packets: socket.socket, ended: threading.Event) -> None:
        """Note the destinations of what passes `packets`."""
        while not ended.is_set():
            try:
                frame, (_, _, kind, *_) = packets.recvfrom(65536)
            except TimeoutError:
                continue
            if kind == socket.PACKET_OUTGOING:
                self._destinations.append(_destination(frame))


@contextmanager
def outside() -> Iterator[Outside]:
    """Watch what is sent beyond loopback; to be used within the namespace."""
    watch = Outside()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL_PROTOCOLS)) as packets:
        packets.bind((INTERFACE, 0))
        packets.settimeout(_LISTEN_SECONDS)
        ended = threading.Event()
        thread = threading.Thread(target=watch.watch, args=(packets, ended), name="watch-outside")
        thread.start()
        try:
            yield watch
        finally:
            ended.set()
            thread.join()


def _destination(frame: bytes) -> str:
    ether_type = int.from_bytes(frame[12:14], "big")
    packet = frame[14:]
    if ether_type != _IPV4:
        return f"ethernet type {ether_type:#06x}"
    protocol = _PROTOCOLS.get(packet[9], str(packet[9]))
    host = socket.inet_ntoa(packet[16:20])
    if protocol not in ("tcp", "udp"):
        return f"{protocol} {host}"
    datagram = packet[(packet[0] & 15) * 4 :]
    port = int.from_bytes(datagram[2:4], "big")
    name = _name_asked_for(datagram[8:]) if (protocol, port) == ("udp", _DNS) else ""
    return f"{protocol} {host}:{port} {name}".rstrip()


def _name_asked_for(query: bytes) -> str:
    labels, place = [], 12
    while place < len(query) and (length := query[place]):
        labels.append(query[place + 1 : place + 1 + length].decode(errors="replace"))
        place += 1 + length
    return ".".join(labels)


def _packets_sent() -> int:
    # /sys shows the namespace in which it was mounted, /proc that of the process.
    for line in Path("/proc/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == INTERFACE:
            return int(numbers.split()[9])
    raise RuntimeError(f"there is no interface {INTERFACE}: this is not the namespace")


def _make_network() -> None:
    if len(Path("/proc/net/route").read_text().splitlines()) > 1:
        raise RuntimeError("this is not a network namespace of its own")
    _run("ip", "link", "add", INTERFACE, "type", "veth", "peer", "name", FAR_END)
    for name in (INTERFACE, FAR_END):
        # The kernel itself greets the neighbours over IPv6, and asks for them over IPv4. Without
        # both, whatever is counted was sent by a program; names are looked up over IPv4 as well.
        ipv6 = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        if ipv6.exists():
            ipv6.write_text("1")
        _run("ip", "link", "set", name, "arp", "off", "up")
    _run("ip", "link", "set", "lo", "up")
    _run("ip", "address", "add", ADDRESS, "dev", INTERFACE)
    _run("ip", "route", "add", "default", "via", GATEWAY)


def _make_names() -> None:
    """Have every look-up of a name sent to the outside."""
    # Here are the sockets of daemons that look up names for others, outside this namespace.
    _run("mount", "-t", "tmpfs", "tmpfs", "/run")
    for place, text in (
        ("/etc/resolv.conf", f"nameserver {NAME_SERVER}\noptions timeout:1 attempts:1\n"),
        ("/etc/nsswitch.conf", "hosts: files dns\n"),
    ):
        target = Path(place).resolve()
        if target.is_relative_to("/run"):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
            continue
        source = Path("/run") / Path(place).name
        source.write_text(text)
        _run("mount", "--bind", str(source), str(target))


def _run(*command: str) -> None:
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        raise RuntimeError(f"{command[0]} is missing: install iproute2 and util-linux")
    subprocess.run([program, *command[1:]], check=True)


if __name__ == "__main__":
    _make_network()
    _make_names()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
