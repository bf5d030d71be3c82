"""The ports that a LiveKit server listens on, from its configuration."""

import logging
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .program import LiveKitServerError

logger = logging.getLogger("services.livekit_server")

_DEFAULT_PORT = 7880


@dataclass(frozen=True)
class Ports:
    """The ports of one server."""

    signal: int
    """TCP, signalling and API."""

    media: int | None
    """UDP; None where the configuration has a range instead."""


def read_config(path: Path) -> dict[str, Any]:
    """Read the YAML file of a LiveKit server.

    Raises:
        LiveKitServerError: the file is missing or not such a file.
    """
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LiveKitServerError(
            f"{path} is not there: start in the folder that has it, or set LIVEKIT_SERVER_CONFIG"
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise LiveKitServerError(f"{path} cannot be read: {reason}") from None
    if not isinstance(config, dict):
        raise LiveKitServerError(f"{path} has no settings of a LiveKit server")
    return config


def choose_ports(config: dict[str, Any], host: str) -> Ports:
    """Return the configured ports, each replaced by a free one where it is busy."""
    signal = config.get("port", _DEFAULT_PORT)
    if not isinstance(signal, int) or not 0 < signal < 65_536:
        raise LiveKitServerError(f"port: {signal} is not allowed: a number from 1 to 65535")
    rtc = config.get("rtc")
    media = rtc.get("udp_port") if isinstance(rtc, dict) else None
    return Ports(
        signal=_free_port(signal, host, socket.SOCK_STREAM),
        media=_free_port(media, host, socket.SOCK_DGRAM) if isinstance(media, int) else None,
    )


def _free_port(wanted: int, host: str, kind: socket.SocketKind) -> int:
    if not _busy(wanted, host, kind):
        return wanted
    with socket.socket(_family(host), kind) as probe:
        probe.bind((host, 0))
        chosen: int = probe.getsockname()[1]
    logger.info("port is busy, another is used", extra={"port": wanted, "used": chosen})
    return chosen


def any_busy(ports: Ports, host: str) -> bool:
    """Whether another program listens on one of these ports."""
    return _busy(ports.signal, host, socket.SOCK_STREAM) or (
        ports.media is not None and _busy(ports.media, host, socket.SOCK_DGRAM)
    )


def _busy(port: int, host: str, kind: socket.SocketKind) -> bool:
    with socket.socket(_family(host), kind) as probe:
        if kind == socket.SOCK_STREAM:
            # As the server does, since a port with connections in TIME_WAIT can be listened on.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
