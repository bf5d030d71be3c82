"""`python -m …services.speech_process`: serve models until the last client has left.

`on_demand` starts it. The product's own command is `python -m agent speech`.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import faulthandler
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from ..host.allocator import keep_native_memory_small
from ..inference.circuit_breaker import Circuits
from ..shared.config import EngineConfig
from ..shared.engines import SharedEngines
from .server import SpeechServer
from .socket import SocketError

_CHECK_SECONDS = 1.0
_FAILED = 1


def config_json(config: EngineConfig) -> str:
    """Return the text from which `read_config` makes an equal configuration."""
    values = {name: getattr(config, name) for name in config.__slots__}
    return json.dumps(values, default=str, sort_keys=True)


def read_config(text: str) -> EngineConfig:
    """Return the configuration that `config_json` wrote."""
    values: dict[str, Any] = json.loads(text)
    values["cache"] = Path(values["cache"])
    if isinstance(values["voice"], list):
        values["voice"] = tuple(values["voice"])
    return EngineConfig(**values)


async def serve(path: Path, config: EngineConfig, *, linger_seconds: float) -> int:
    """Serve until there has been no client for `linger_seconds`, or a signal; return the status."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    engines = SharedEngines(config)
    circuits = Circuits()
    engines.scheduler.guard, engines.scheduler.observer = circuits.allow, circuits.observe
    server = SpeechServer(engines, path)
    try:
        await server.start()
        while not stop.is_set() and server.idle_seconds < linger_seconds:
            if engines.scheduler.stats().exhausted:
                return _FAILED
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _CHECK_SECONDS)
    except SocketError as error:
        print(error, file=sys.stderr)
        return _FAILED
    finally:
        await server.aclose()
        await asyncio.to_thread(engines.close)
    return 0


def main() -> int:
    """Read the arguments and serve; returns the exit status."""
    parser = argparse.ArgumentParser(prog="speech_process")
    parser.add_argument("socket", type=Path)
    parser.add_argument("--config", default=config_json(EngineConfig()))
    parser.add_argument("--linger-seconds", type=float, default=float("inf"))
    arguments = parser.parse_args()
    keep_native_memory_small()
    # A crash in native code ends the process without a word; this writes where each thread was.
    faulthandler.enable()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    config = read_config(arguments.config)
    return asyncio.run(serve(arguments.socket, config, linger_seconds=arguments.linger_seconds))


if __name__ == "__main__":
    status = main()
    logging.shutdown()
    # Finalising would crash while a thread is still in native code, such as in a load.
    os._exit(status)
