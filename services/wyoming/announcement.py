"""Lets Home Assistant find the server by zeroconf (multicast DNS)."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Sequence

from zeroconf import Error as ZeroconfError
from zeroconf import InterfaceChoice, IPVersion
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

SERVICE_TYPE = "_wyoming._tcp.local."
_LONGEST_NAME_BYTES = 63
"""Of one label, by RFC 6763."""
_END_SECONDS = 1.0


class AnnouncementError(Exception):
    """The server cannot be announced; the text says why."""


class Announcement:
    """Announces one service until it is closed; belongs to one event loop."""

    def __init__(self, zeroconf: AsyncZeroconf, info: AsyncServiceInfo) -> None:
        self._zeroconf = zeroconf
        self._info = info

    @property
    def name(self) -> str:
        """Under which it is found; numbered if another machine has the same name."""
        return str(self._info.name).removesuffix(f".{SERVICE_TYPE}")

    @classmethod
    async def publish(
        cls, name: str, port: int, addresses: Sequence[str], *, everywhere: bool
    ) -> Announcement:
        """Announce `addresses` on their interfaces, or on all that there are.

        Takes about a second, in which others may object to the name. Raises AnnouncementError.
        """
        label = name.encode()[:_LONGEST_NAME_BYTES].decode(errors="ignore").replace(".", "-")
        host = socket.gethostname().split(".")[0] or "voice-agent"
        six = any(ipaddress.ip_address(address).version == 6 for address in addresses)
        zeroconf: AsyncZeroconf | None = None
        try:
            zeroconf = AsyncZeroconf(
                interfaces=InterfaceChoice.All if everywhere else list(addresses),
                ip_version=IPVersion.V6Only if six else IPVersion.V4Only,
            )
            info = AsyncServiceInfo(
                SERVICE_TYPE,
                f"{label}.{SERVICE_TYPE}",
                port=port,
                parsed_addresses=list(addresses),
                server=f"{host}.local.",
            )
            await (await zeroconf.async_register_service(info, allow_name_change=True))
        except (TimeoutError, OSError, ZeroconfError) as error:
            if zeroconf is not None:
                await zeroconf.async_close()
            raise AnnouncementError(str(error) or type(error).__name__) from error
        except asyncio.CancelledError:
            if zeroconf is not None:
                await zeroconf.async_close()
            raise
        return cls(zeroconf, info)

    async def aclose(self) -> None:
        """Take it back."""
        with contextlib.suppress(OSError, ZeroconfError, TimeoutError):
            async with asyncio.timeout(_END_SECONDS):
                await self._zeroconf.async_unregister_all_services()
        await self._zeroconf.async_close()
