"""Sends two packets and looks up a name: what a private conversation must not do."""

from __future__ import annotations

import contextlib
import json
import socket
import time

from tests.support.isolation import outside


def main() -> None:
    """Print what was counted."""
    with outside() as watch:
        before = watch.packets
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"hello", ("127.0.0.1", 9))
            loopback = watch.packets
            sender.sendto(b"hello", ("192.0.2.1", 9))
            sent = watch.packets
            sender.sendto(b"hello", ("224.0.0.251", 5353))
        with contextlib.suppress(socket.gaierror):
            socket.getaddrinfo("name.invalid", 80)
        deadline = time.monotonic() + 5
        while len(watch.destinations) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        print(
            json.dumps(
                {
                    "loopback": loopback - before,
                    "one packet": sent - loopback,
                    "destinations": watch.destinations,
                }
            )
        )


if __name__ == "__main__":
    main()
