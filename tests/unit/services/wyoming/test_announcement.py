"""The server is found by the library that Home Assistant looks with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from zeroconf import IPVersion, ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from services.wyoming.announcement import SERVICE_TYPE, Announcement, AnnouncementError

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 30.0


class Seeker:
    """Looks for Wyoming servers on loopback, as Home Assistant does in its network."""

    def __init__(self) -> None:
        self.found: dict[str, AsyncServiceInfo | None] = {}
        self._zeroconf = AsyncZeroconf(interfaces=[LOOPBACK], ip_version=IPVersion.V4Only)
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, [SERVICE_TYPE], handlers=[self._changed]
        )

    def _changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is ServiceStateChange.Removed:
            self.found.pop(name, None)
        else:
            self.found[name] = None

    async def until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not true():
                await asyncio.sleep(0.02)

    async def ask(self, name: str) -> AsyncServiceInfo:
        info = AsyncServiceInfo(SERVICE_TYPE, name)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await info.async_request(self._zeroconf.zeroconf, 1000):
                pass
        return info

    async def aclose(self) -> None:
        await self._browser.async_cancel()
        await self._zeroconf.async_close()


async def test_it_is_found_with_address_and_port_and_taken_back(no_leaks: None) -> None:
    seeker = Seeker()
    announcement = await Announcement.publish(
        "an agent. on this-machine", 10300, [LOOPBACK], everywhere=False
    )
    try:
        name = f"{announcement.name}.{SERVICE_TYPE}"
        assert name.startswith("an agent- on this-machine")
        await seeker.until(lambda: name in seeker.found)
        info = await seeker.ask(name)
        assert (info.parsed_addresses(), info.port) == ([LOOPBACK], 10300)
    finally:
        await announcement.aclose()
    await seeker.until(lambda: name not in seeker.found)
    await seeker.aclose()


async def test_no_network_is_an_error_with_its_reason(no_leaks: None) -> None:
    # An address of the documentation, which no interface has.
    with pytest.raises(AnnouncementError, match=r"\w"):
        await Announcement.publish("agent", 10300, ["192.0.2.1"], everywhere=False)
