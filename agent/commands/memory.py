"""`python -m agent memory`: the memory of a running worker, live."""

from __future__ import annotations

import argparse
import contextlib

from agent.commands.command_line import CommandError, finish
from agent.commands.memory_view import MemoryViewError, fetch_memory, show_memory
from agent.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Which worker, and for how long."""
    parser.add_argument(
        "--url",
        help="address of the worker; by default the one of `start` or `dev` on this machine",
    )
    parser.add_argument("--once", action="store_true", help="print it once and end")
    parser.epilog = (
        "The worker and this command need the same ADMIN_TOKEN. Sizes are in MB of 2**20 bytes."
    )


def run(arguments: argparse.Namespace, settings: Settings) -> int:
    """Show the memory until Ctrl-C; returns 1 when no worker answers."""
    addresses = [arguments.url] if arguments.url else local_addresses(settings)
    return finish("memory", settings, lambda: _show(addresses, settings, once=arguments.once))


def _show(addresses: list[str], settings: Settings, *, once: bool) -> int:
    token = settings.web.admin_token.get_secret_value()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            show_memory(_answering(addresses, token), token, once=once)
    except MemoryViewError as error:
        raise CommandError(str(error)) from error
    return 0


def local_addresses(settings: Settings) -> list[str]:
    """Return where a worker on this machine may answer: that of `start`, then that of `dev`."""
    web = settings.web
    return [_local(web.worker_host, web.worker_port), _local(web.host, web.port)]


def _answering(addresses: list[str], token: str) -> str:
    """Return the first address where a worker answers; raises MemoryViewError for the last."""
    for address in addresses[:-1]:
        with contextlib.suppress(MemoryViewError):
            fetch_memory(address, token, moments=0)
            return address
    return addresses[-1]


def _local(host: str, port: int) -> str:
    """Return an address to connect to, given one to listen on."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
